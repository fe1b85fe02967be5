//! Every text of a load once, as a number: what is compared, counted and sorted are numbers.
//! Number 0 is "none". The same text has the same number in every column.
//! Never forgets within its life, which is that of one load.

use std::collections::HashMap;
use std::hash::BuildHasherDefault;
use std::sync::Arc;

/// A text's number.
pub(crate) type Name = u32;

/// No text.
pub(crate) const NONE: Name = 0;

type Hasher = BuildHasherDefault<twox_hash::XxHash3_64>;

/// The texts of a load.
#[derive(Debug)]
pub(crate) struct Names {
    numbers: HashMap<Arc<str>, Name, Hasher>,
    texts: Vec<Arc<str>>,
}

impl Default for Names {
    fn default() -> Self {
        Self { numbers: HashMap::default(), texts: vec![Arc::from("")] }
    }
}

impl Names {
    /// The number of a text, which is new or known.
    pub(crate) fn number(&mut self, text: &str) -> Name {
        if let Some(number) = self.numbers.get(text) {
            return *number;
        }
        let text: Arc<str> = Arc::from(text);
        // Four billion different texts do not fit into memory.
        let number = u32::try_from(self.texts.len()).unwrap_or(u32::MAX);
        self.texts.push(Arc::clone(&text));
        self.numbers.insert(text, number);
        number
    }

    /// The number of a text if it is known.
    pub(crate) fn find(&self, text: &str) -> Option<Name> {
        self.numbers.get(text).copied()
    }

    /// The text of a number; of [`NONE`] the empty one.
    pub(crate) fn text(&self, name: Name) -> &str {
        &self.texts[name as usize]
    }

    /// One more than the greatest number.
    pub(crate) fn len(&self) -> usize {
        self.texts.len()
    }
}
