//! What people are called, by their id or address: for pages that name somebody in passing.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;

use ephor_lake::directory::{Directory, DirectoryKind};

use crate::state::App;

/// Names and ids of everybody whom the directory lists.
#[derive(Debug, Default)]
pub(in crate::console) struct Called {
    names: HashMap<String, String>,
    ids: HashMap<String, String>,
}

impl Called {
    /// As the directory has it now.
    pub(in crate::console) async fn read(app: &App) -> Arc<Self> {
        let directory = app.lake().directory();
        let read = async { Ok::<_, Infallible>(Self::of(directory)) };
        let Ok(called) = app.console().kept().called().of(directory.revision(DirectoryKind::Users), read).await;
        called
    }

    fn of(directory: &Directory) -> Self {
        let mut called = Self::default();
        for organization in directory.scopes(DirectoryKind::Users) {
            for row in directory.current(DirectoryKind::Users, &organization) {
                let text = |names: [&str; 2]| {
                    names.iter().find_map(|name| row[*name].as_str()).filter(|text| !text.is_empty())
                };
                let Some(id) = text(["id", "user_id"]) else { continue };
                let email = text(["email", "email_address"]);
                if let Some(email) = email {
                    called.ids.entry(email.to_lowercase()).or_insert_with(|| id.to_owned());
                }
                if let Some(name) = text(["full_name", "name"]).or(email) {
                    called.names.entry(id.to_owned()).or_insert_with(|| name.to_owned());
                }
            }
        }
        called
    }

    /// The id behind an id or an address.
    pub(in crate::console) fn id_of<'p>(&'p self, who: &'p str) -> &'p str {
        self.ids.get(&who.to_lowercase()).map_or(who, String::as_str)
    }

    pub(in crate::console) fn name_of(&self, id: &str) -> Option<&str> {
        self.names.get(id).map(String::as_str)
    }
}
