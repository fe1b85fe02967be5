//! JSON written straight into bytes, in the order in which it is said.
//! Promises valid JSON, and that what is empty is left out: absent text, objects and lists that nothing was written into.
//! Never builds a tree.

use serde::Serialize;

/// Writes one object.
pub(crate) fn object(out: &mut Vec<u8>, fill: impl FnOnce(&mut Object<'_>)) {
    out.push(b'{');
    let mut object = Object { out, empty: true };
    fill(&mut object);
    out.push(b'}');
}

/// An object under way.
pub(crate) struct Object<'o> {
    out: &'o mut Vec<u8>,
    empty: bool,
}

impl Object<'_> {
    /// A text, if there is one.
    pub(crate) fn text<'t>(&mut self, key: &str, text: impl Into<Option<&'t str>>) {
        if let Some(text) = text.into() {
            self.json(key, text);
        }
    }

    pub(crate) fn number(&mut self, key: &str, number: i64) {
        self.json(key, &number);
    }

    pub(crate) fn flag(&mut self, key: &str, flag: bool) {
        self.json(key, &flag);
    }

    /// Anything that is JSON already.
    pub(crate) fn json<T: Serialize + ?Sized>(&mut self, key: &str, value: &T) {
        self.key(key);
        write(self.out, value);
    }

    /// Bytes that are JSON already, as they are.
    pub(crate) fn raw(&mut self, key: &str, json: &[u8]) {
        self.key(key);
        self.out.extend_from_slice(json);
    }

    /// An object; left out if nothing is written into it.
    pub(crate) fn object(&mut self, key: &str, fill: impl FnOnce(&mut Object<'_>)) {
        let (length, before) = (self.out.len(), self.empty);
        self.key(key);
        self.out.push(b'{');
        let mut inner = Object { out: self.out, empty: true };
        fill(&mut inner);
        if inner.empty {
            self.out.truncate(length);
            self.empty = before;
        } else {
            self.out.push(b'}');
        }
    }

    /// A list of objects; left out if there is none.
    pub(crate) fn objects<T>(
        &mut self,
        key: &str,
        items: impl IntoIterator<Item = T>,
        mut fill: impl FnMut(&mut Object<'_>, T),
    ) {
        let mut items = items.into_iter().peekable();
        if items.peek().is_none() {
            return;
        }
        self.key(key);
        self.out.push(b'[');
        for (index, item) in items.enumerate() {
            if index > 0 {
                self.out.push(b',');
            }
            object(self.out, |object| fill(object, item));
        }
        self.out.push(b']');
    }

    /// A list of texts; left out if there is none.
    pub(crate) fn texts<'t>(&mut self, key: &str, texts: impl IntoIterator<Item = &'t str>) {
        let texts: Vec<&str> = texts.into_iter().collect();
        if !texts.is_empty() {
            self.json(key, &texts);
        }
    }

    fn key(&mut self, key: &str) {
        if !self.empty {
            self.out.push(b',');
        }
        self.empty = false;
        write(self.out, key);
        self.out.push(b':');
    }
}

fn write<T: Serialize + ?Sized>(out: &mut Vec<u8>, value: &T) {
    // Into memory, and only text, numbers and trees of JSON are written: none of them can fail.
    let written = serde_json::to_writer(&mut *out, value);
    debug_assert!(written.is_ok(), "{written:?}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_empty_is_left_out_and_commas_stand_between_what_is_there() {
        let mut out = Vec::new();
        object(&mut out, |all| {
            all.object("nothing", |inner| inner.text("absent", None));
            all.text("a", "1\"");
            all.object("also_nothing", |inner| inner.objects("none", [0; 0], |_, _| {}));
            all.object("b", |inner| {
                inner.texts("none", []);
                inner.number("n", -3);
                inner.flag("f", true);
            });
            all.objects("c", [1, 2], |item, n| item.number("n", n));
            all.texts("d", ["x", "y"]);
        });
        let said = String::from_utf8_lossy(&out);
        assert_eq!(said, r#"{"a":"1\"","b":{"n":-3,"f":true},"c":[{"n":1},{"n":2}],"d":["x","y"]}"#);
    }
}
