//! Follows the structure of one JSON document as its bytes pass: where its elements begin and end.
//!
//! A machine that can stop at any byte and go on with the next: the file never has to be in memory. It sees strings,
//! brackets and commas and nothing else; strings, most of the bytes, are crossed with memchr.

use std::ops::Range;

/// Deepest nesting followed; a document beyond it is taken as lines (chosen: deeper than anything but an attack).
const DEEPEST: usize = 4096;

/// Where the machine stands at the top of the document.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Place {
    /// Nothing but space so far, and a BOM at most.
    #[default]
    Start,
    /// After `[`: an element or the end.
    First,
    /// After a comma: an element.
    Next,
    /// After an element: a comma or the end.
    After,
    /// Inside an array, object or string that is an element.
    Nested,
    /// Inside a number or word that is an element.
    Scalar,
    /// After the document: only space.
    Over,
}

/// What some bytes turned out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// These bytes stand between elements.
    Glue(Range<usize>),
    /// An element begins at the next byte.
    Begin,
    /// These bytes belong to an element that is not over.
    Inside,
    /// The element ended with the last byte.
    End,
}

/// The machine.
#[derive(Clone, Debug, Default)]
pub(super) struct Scan {
    place: Place,
    top_is_object: bool,
    /// Bytes of a BOM seen so far.
    bom: usize,
    /// The closing brackets an element still needs.
    closers: Vec<u8>,
    in_string: bool,
    escaped: bool,
}

impl Scan {
    pub(super) fn top_is_object(&self) -> bool {
        self.top_is_object
    }

    pub(super) fn is_over(&self) -> bool {
        self.place == Place::Over
    }

    pub(super) fn is_in_element(&self) -> bool {
        matches!(self.place, Place::Nested | Place::Scalar)
    }

    /// The document has begun and is not over.
    pub(super) fn is_inside(&self) -> bool {
        !matches!(self.place, Place::Start | Place::Over)
    }

    /// Goes on from `bytes[*at]` to the next event. At the end of the bytes, call again with the ones that follow.
    pub(super) fn advance(&mut self, bytes: &[u8], at: &mut usize) -> Result<Event, &'static str> {
        match self.place {
            Place::Nested => self.nested(bytes, at),
            Place::Scalar => self.scalar(bytes, at),
            _ => self.between(bytes, at),
        }
    }

    fn between(&mut self, bytes: &[u8], at: &mut usize) -> Result<Event, &'static str> {
        let start = *at;
        while let Some(&byte) = bytes.get(*at) {
            if !self.is_glue(byte)? {
                if *at > start {
                    break;
                }
                self.begin(byte);
                return Ok(Event::Begin);
            }
            self.pass(byte);
            *at += 1;
        }
        Ok(Event::Glue(start..*at))
    }

    /// Whether a byte may stand between elements here; the first byte of an element may not.
    fn is_glue(&self, byte: u8) -> Result<bool, &'static str> {
        const BOM: [u8; 3] = [0xef, 0xbb, 0xbf];
        let element = || match byte {
            b'{' | b'[' | b'"' | b'-' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => Ok(false),
            _ => Err("an element begins with a byte that begins no value"),
        };
        match (self.place, byte) {
            (Place::Start, 0xef | 0xbb | 0xbf) if BOM.get(self.bom) == Some(&byte) => Ok(true),
            (Place::Start, _) if !self.bom.is_multiple_of(3) => Err("it begins with half a byte order mark"),
            (_, b' ' | b'\t' | b'\r' | b'\n') => Ok(true),
            (Place::Start, b'[') | (Place::First | Place::After, b']') | (Place::After, b',') => Ok(true),
            (Place::Start, b'{') => Ok(false),
            (Place::Start, _) => Err("it is neither an array nor an object"),
            (Place::First | Place::Next, _) => element(),
            (Place::After, _) => Err("two elements without a comma between them"),
            (Place::Over, _) => Err("something follows the document"),
            (Place::Nested | Place::Scalar, _) => Ok(false),
        }
    }

    fn pass(&mut self, byte: u8) {
        match byte {
            0xef | 0xbb | 0xbf => self.bom += 1,
            b'[' => self.place = Place::First,
            b',' => self.place = Place::Next,
            b']' => self.place = Place::Over,
            // Space ends the place where a byte order mark may stand.
            _ if self.place == Place::Start => self.bom = 3,
            _ => {}
        }
    }

    fn begin(&mut self, byte: u8) {
        self.top_is_object = self.place == Place::Start;
        self.place = if matches!(byte, b'{' | b'[' | b'"') { Place::Nested } else { Place::Scalar };
    }

    fn scalar(&mut self, bytes: &[u8], at: &mut usize) -> Result<Event, &'static str> {
        while let Some(&byte) = bytes.get(*at) {
            match byte {
                b' ' | b'\t' | b'\r' | b'\n' | b',' | b']' => {
                    self.place = Place::After;
                    return Ok(Event::End);
                }
                b'{' | b'}' | b'[' | b'"' | b':' => {
                    return Err("a bracket or string inside a number or word");
                }
                _ => *at += 1,
            }
        }
        Ok(Event::Inside)
    }

    fn nested(&mut self, bytes: &[u8], at: &mut usize) -> Result<Event, &'static str> {
        while *at < bytes.len() {
            if self.in_string {
                self.string(bytes, at)?;
            } else {
                self.structure(bytes, at)?;
            }
            if !self.in_string && self.closers.is_empty() && self.place == Place::Nested && *at > 0 {
                self.place = if self.top_is_object { Place::Over } else { Place::After };
                return Ok(Event::End);
            }
        }
        Ok(Event::Inside)
    }

    /// Crosses bytes outside strings, up to and including the next quote or the bracket that closes the element.
    fn structure(&mut self, bytes: &[u8], at: &mut usize) -> Result<(), &'static str> {
        while let Some(&byte) = bytes.get(*at) {
            *at += 1;
            match byte {
                b'"' => {
                    self.in_string = true;
                    return Ok(());
                }
                b'{' | b'[' if self.closers.len() >= DEEPEST => {
                    return Err("it is nested too deeply");
                }
                b'{' => self.closers.push(b'}'),
                b'[' => self.closers.push(b']'),
                b'}' | b']' if self.closers.pop() != Some(byte) => {
                    return Err("a bracket closes what was not opened");
                }
                b'}' | b']' if self.closers.is_empty() => return Ok(()),
                _ => {}
            }
        }
        Ok(())
    }

    /// Crosses a string to its quote, or to the end of the bytes.
    fn string(&mut self, bytes: &[u8], at: &mut usize) -> Result<(), &'static str> {
        if std::mem::take(&mut self.escaped) {
            *at += 1;
            return Ok(());
        }
        let Some(length) = memchr::memchr3(b'"', b'\\', b'\n', &bytes[*at..]) else {
            *at = bytes.len();
            return Ok(());
        };
        *at += length + 1;
        match bytes[*at - 1] {
            b'"' => self.in_string = false,
            b'\\' => self.escaped = true,
            _ => return Err("a line ends inside a string"),
        }
        Ok(())
    }
}
