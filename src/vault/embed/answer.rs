//! What models answer: JSON, but that many programs write `NaN` and `Infinity` into it. Such a vector is refused by the name of its text; the
//! rest of the answer counts.

use serde::Deserialize;
use serde::de::DeserializeOwned;

/// A vector; NaN where no finite number stands.
#[derive(Deserialize)]
#[serde(from = "Vec<Option<f32>>")]
pub(super) struct Vector(pub(super) Vec<f32>);

impl From<Vec<Option<f32>>> for Vector {
    fn from(values: Vec<Option<f32>>) -> Vector {
        Vector(values.into_iter().map(|value| value.unwrap_or(f32::NAN)).collect())
    }
}

/// Reads an answer.
pub(super) fn parse<T: DeserializeOwned>(json: &[u8]) -> serde_json::Result<T> {
    serde_json::from_slice(json).or_else(|error| serde_json::from_slice(&finite(json)).map_err(|_| error))
}

/// The same with `null` for each number outside strings that is none, or too large to be one.
fn finite(json: &[u8]) -> Vec<u8> {
    let is_of_number = |byte: &u8| byte.is_ascii_alphanumeric() || b"+-.".contains(byte);
    let mut out = Vec::with_capacity(json.len());
    let (mut rest, mut in_string) = (json, false);
    while let Some(byte) = rest.first() {
        let length = match byte {
            b'\\' if in_string => 2,
            _ if in_string || !is_of_number(byte) => 1,
            _ => rest.iter().take_while(|byte| is_of_number(byte)).count(),
        };
        let (token, after) = rest.split_at(length.min(rest.len()));
        in_string ^= token == b"\"";
        let number = std::str::from_utf8(token).ok().and_then(|token| token.parse::<f64>().ok());
        let is_odd = !in_string && number.is_some_and(|number| !number.is_finite());
        out.extend_from_slice(if is_odd { b"null" } else { token });
        rest = after;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    // Python's json writes NaN for what is no number: one such text must not cost the answers for all others.
    #[test]
    fn numbers_that_are_none_stay_in_their_vector() {
        for odd in ["NaN", "Infinity", "-Infinity", "nan", "inf", "1e999", "null"] {
            let Vector(vector) = parse(format!("[1, {odd},-2.5e-1]").as_bytes()).unwrap();
            assert!(vector[0] == 1.0 && vector[1].is_nan() && vector[2] == -0.25, "{odd}: {vector:?}");
        }
        // In a string they are words.
        let text: Vec<String> = parse(br#"["NaN, \"inf\" \\", "nan"]"#).unwrap();
        assert_eq!(text, [r#"NaN, "inf" \"#, "nan"]);
        assert_eq!(finite(br#"{"a\"":[nan,"nan\\",1],"b":inf}"#), br#"{"a\"":[null,"nan\\",1],"b":null}"#);
        for bad in ["[1, nope]", "[1,", "\"\\", "{\"a\":NaN"] {
            assert!(parse::<Vector>(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
