//! How people sign in to the console: passwords, passkeys, provider identities, codes, sessions; and the views they save.
//! Promises that each change and the activity that tells of it are one transaction.
//! Never stores a code, a token or a password that could be presented again: only what recognises them.

mod codes;
mod identities;
mod passkeys;
mod passwords;
mod saved_views;
mod sessions;
#[cfg(test)]
mod stories;
mod token;

pub use codes::{AccessCode, CodeUse, Codes, RedeemedCode};
pub use identities::{Identities, ProviderPerson};
pub use passkeys::{Passkey, Passkeys};
pub use passwords::{Password, Passwords, TakenStep};
pub use saved_views::{SavedView, SavedViews};
pub use sessions::{NewSession, Opens, ProviderSession, Session, SessionEnd, Sessions, SignedIn};
pub use token::SessionToken;

use sqlx::SqliteConnection;

use super::{Control, ControlError};

/// What the console keeps in a [`Control`].
#[derive(Debug, Clone, Copy)]
pub struct Console<'c> {
    control: &'c Control,
}

impl Control {
    /// How people sign in to the console.
    pub fn console(&self) -> Console<'_> {
        Console { control: self }
    }
}

impl<'c> Console<'c> {
    /// Who is signed in.
    pub fn sessions(&self) -> Sessions<'c> {
        Sessions { control: self.control }
    }

    /// Passwords, each with its one-time passwords.
    pub fn passwords(&self) -> Passwords<'c> {
        Passwords { control: self.control }
    }

    /// Passkeys.
    pub fn passkeys(&self) -> Passkeys<'c> {
        Passkeys { control: self.control }
    }

    /// Who somebody is at an identity provider.
    pub fn identities(&self) -> Identities<'c> {
        Identities { control: self.control }
    }

    /// Codes that let somebody in, or let them set up how they sign in.
    pub fn codes(&self) -> Codes<'c> {
        Codes { control: self.control }
    }

    /// Views that people saved for themselves.
    pub fn saved_views(&self) -> SavedViews<'c> {
        SavedViews { control: self.control }
    }
}

/// Forgets how somebody signed in who is no member any more.
pub(super) async fn forget(connection: &mut SqliteConnection, user_id: &str) -> Result<(), ControlError> {
    for statement in [
        "DELETE FROM console_sessions WHERE user_id = $1",
        "DELETE FROM console_passwords WHERE user_id = $1",
        "DELETE FROM console_passkeys WHERE user_id = $1",
        "DELETE FROM console_codes WHERE user_id = $1",
        "DELETE FROM console_identities WHERE user_id = $1",
        "DELETE FROM console_saved_views WHERE user_id = $1",
    ] {
        sqlx::query(statement).bind(user_id.to_owned()).execute(&mut *connection).await?;
    }
    Ok(())
}
