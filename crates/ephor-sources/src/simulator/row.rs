//! Writes one activity of the feed as JSON, straight into bytes.
//! Promises one line of valid JSON with the envelope first and the same bytes for the same input.
//! Never builds a value tree: a million rows have to come out in seconds.

use super::calendar::{DAY, HOUR, MINUTE, SECOND, civil};

/// Where the activity's id stands in every row that [`Row::begin`] opens: `{"id":"` is seven bytes.
pub(crate) const ID_STARTS: usize = 7;
/// `activity_` and 24 characters.
pub(crate) const ID_LENGTH: usize = 33;

/// What every activity carries.
pub(crate) struct Envelope<'a> {
    pub(crate) id: &'a str,
    pub(crate) at: i64,
    /// `"organization_id":…,"organization_uuid":…`, rendered beforehand.
    pub(crate) organization: &'a str,
    /// The actor object, rendered beforehand.
    pub(crate) actor: &'a [u8],
    pub(crate) kind: &'a str,
}

/// Organization fields of activities that belong to none (compliance_api.md §5.4).
pub(crate) const NO_ORGANIZATION: &str = r#""organization_id":null,"organization_uuid":null"#;

/// An open JSON object at the end of `out`.
pub(crate) struct Row<'a> {
    out: &'a mut Vec<u8>,
}

impl<'a> Row<'a> {
    pub(crate) fn begin(out: &'a mut Vec<u8>, envelope: &Envelope<'_>) -> Self {
        out.extend_from_slice(br#"{"id":""#);
        out.extend_from_slice(envelope.id.as_bytes());
        out.extend_from_slice(br#"","created_at":""#);
        write_timestamp(out, envelope.at);
        out.extend_from_slice(br#"","#);
        out.extend_from_slice(envelope.organization.as_bytes());
        out.extend_from_slice(br#","actor":"#);
        out.extend_from_slice(envelope.actor);
        out.extend_from_slice(br#","type":""#);
        out.extend_from_slice(envelope.kind.as_bytes());
        out.push(b'"');
        Self { out }
    }

    fn name(&mut self, name: &str) {
        self.out.extend_from_slice(b",\"");
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
    }

    pub(crate) fn text(&mut self, name: &str, value: &str) -> &mut Self {
        self.name(name);
        write_text(self.out, value.as_bytes());
        self
    }

    /// A tagged id whose random part is kept apart from its prefix.
    pub(crate) fn tagged(&mut self, name: &str, prefix: &str, tail: &[u8]) -> &mut Self {
        self.name(name);
        self.out.push(b'"');
        self.out.extend_from_slice(prefix.as_bytes());
        self.out.extend_from_slice(tail);
        self.out.push(b'"');
        self
    }

    pub(crate) fn number(&mut self, name: &str, value: i64) -> &mut Self {
        self.name(name);
        write_number(self.out, value);
        self
    }

    pub(crate) fn flag(&mut self, name: &str, value: bool) -> &mut Self {
        self.raw(name, if value { "true" } else { "false" })
    }

    pub(crate) fn null(&mut self, name: &str) -> &mut Self {
        self.raw(name, "null")
    }

    /// `json` must be one JSON value.
    pub(crate) fn raw(&mut self, name: &str, json: &str) -> &mut Self {
        self.name(name);
        self.out.extend_from_slice(json.as_bytes());
        self
    }

    pub(crate) fn texts<T: AsRef<str>>(&mut self, name: &str, values: &[T]) -> &mut Self {
        self.name(name);
        self.out.push(b'[');
        for (position, value) in values.iter().enumerate() {
            if position > 0 {
                self.out.push(b',');
            }
            write_text(self.out, value.as_ref().as_bytes());
        }
        self.out.push(b']');
        self
    }

    /// The wire's common change shape with text values.
    pub(crate) fn update(&mut self, attribute: &str, previous: &str, current: &str) -> &mut Self {
        let change = Change { attribute, previous: quoted(previous), current: quoted(current) };
        self.updates(&[change])
    }

    pub(crate) fn updates(&mut self, changes: &[Change<'_>]) -> &mut Self {
        let list: Vec<String> = changes
            .iter()
            .map(|change| {
                format!(
                    r#"{{"type":"{}","previous_value":{},"current_value":{}}}"#,
                    change.attribute, change.previous, change.current
                )
            })
            .collect();
        self.raw("updates", &format!("[{}]", list.join(",")))
    }

    pub(crate) fn end(self) {
        self.out.push(b'}');
    }
}

/// One element of `updates[]`; the values are JSON.
pub(crate) struct Change<'a> {
    pub(crate) attribute: &'a str,
    pub(crate) previous: String,
    pub(crate) current: String,
}

/// A JSON object on its own, for actors and their parts.
pub(crate) fn object(fields: &[(&str, String)]) -> String {
    let fields: Vec<String> = fields.iter().map(|(name, json)| format!("\"{name}\":{json}")).collect();
    format!("{{{}}}", fields.join(","))
}

pub(crate) fn quoted(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len() + 2);
    write_text(&mut out, text.as_bytes());
    String::from_utf8_lossy(&out).into_owned()
}

fn write_text(out: &mut Vec<u8>, text: &[u8]) {
    out.push(b'"');
    if text.iter().all(|byte| *byte >= 0x20 && *byte != b'"' && *byte != b'\\') {
        out.extend_from_slice(text);
    } else {
        for byte in text {
            match byte {
                b'"' | b'\\' => out.extend_from_slice(&[b'\\', *byte]),
                0..0x20 => out.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
                _ => out.push(*byte),
            }
        }
    }
    out.push(b'"');
}

pub(crate) fn write_number(out: &mut Vec<u8>, value: i64) {
    if value < 0 {
        out.push(b'-');
    }
    let mut digits = [0_u8; 20];
    let mut left = value.unsigned_abs();
    let mut position = digits.len();
    loop {
        position -= 1;
        digits[position] = b'0' + (left % 10) as u8;
        left /= 10;
        if left == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[position..]);
}

/// `YYYY-MM-DDThh:mm:ss.ffffffZ`; a whole second is written without its fraction, as the wire sometimes does.
pub(crate) fn write_timestamp(out: &mut Vec<u8>, micros: i64) {
    let (year, month, day) = civil(micros);
    let of_day = micros.rem_euclid(DAY);
    write_digits(out, year, 4);
    out.push(b'-');
    write_digits(out, i64::from(month), 2);
    out.push(b'-');
    write_digits(out, i64::from(day), 2);
    out.push(b'T');
    write_digits(out, of_day / HOUR, 2);
    out.push(b':');
    write_digits(out, of_day % HOUR / MINUTE, 2);
    out.push(b':');
    write_digits(out, of_day % MINUTE / SECOND, 2);
    let fraction = of_day % SECOND;
    if fraction != 0 {
        out.push(b'.');
        write_digits(out, fraction, 6);
    }
    out.push(b'Z');
}

pub(crate) fn timestamp(micros: i64) -> String {
    let mut out = Vec::with_capacity(27);
    write_timestamp(&mut out, micros);
    String::from_utf8_lossy(&out).into_owned()
}

fn write_digits(out: &mut Vec<u8>, value: i64, width: usize) {
    let mut digits = [b'0'; 6];
    let mut left = value.unsigned_abs();
    for digit in digits[..width].iter_mut().rev() {
        *digit = b'0' + (left % 10) as u8;
        left /= 10;
    }
    out.extend_from_slice(&digits[..width]);
}
