//! What a group needs to know of a template: which columns its values stand in, not what stands between them.

use crate::record::template::{Slot, SlotKind, Template, is_marker};

/// What is between a template's slots left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outline {
    /// Its slots are listed.
    Fixed,
    /// A list, with the slot of its elements where they have one in common.
    List(Option<Slot>),
}

/// The templates of a pack by number, as outlines.
pub trait Outlines {
    /// The outline of a template, and the kinds of a fixed one's slots appended to `slots`; `None` when there is no such template.
    fn outline(&self, number: u32, slots: &mut Vec<SlotKind>) -> Option<Outline>;
}

impl<'t, F: Fn(u32) -> Option<&'t Template>> Outlines for F {
    fn outline(&self, number: u32, slots: &mut Vec<SlotKind>) -> Option<Outline> {
        let template = self(number)?;
        slots.extend(template.slots().map(|slot| slot.kind));
        match template {
            Template::Fixed(_) => Some(Outline::Fixed),
            Template::List { element, .. } => Some(Outline::List(*element)),
        }
    }
}

/// The outline of a stored template. Opening a group asks for hundreds of them: parsing each would allocate all their constant bytes.
/// What parses has the same outline; of what does not, some has one, too.
#[must_use]
pub fn outline_of(stored: &[u8], slots: &mut Vec<SlotKind>) -> Option<Outline> {
    // The marker of a list is the one that no slot has.
    if let Some((&first, rest)) = stored.split_first()
        && is_marker(first)
        && Slot::from_pair(first, 0).is_err()
    {
        return match rest {
            [0, _, ..] => Some(Outline::List(None)),
            [marker, style, ..] => Some(Outline::List(Some(Slot::from_pair(*marker, *style).ok()?))),
            _ => None,
        };
    }
    let mut bytes = stored.iter();
    while let Some(&marker) = bytes.find(|byte| is_marker(**byte)) {
        let kind = Slot::from_pair(marker, 0).ok()?.kind;
        if matches!(kind, SlotKind::NodeInString | SlotKind::Segment) {
            bytes.next()?;
        }
        slots.push(kind);
    }
    Some(Outline::Fixed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::escape::Style;
    use crate::record::template::put_list;

    // Protects columns of groups: an outline that differs from the template would read them in other places.
    #[test]
    fn the_outline_of_a_template_is_that_of_its_parsed_form() {
        let kinds = [1, 2, 3, 4, 5, 6].map(|marker| Slot::from_pair(marker, 0).unwrap());
        let mut all: Vec<Vec<u8>> = vec![Vec::new(), b"{}".to_vec(), b"\x03".to_vec(), b"{\"a\":\x07".to_vec(), b"\x07".to_vec()];
        for first in kinds {
            for second in kinds {
                let mut fixed = b"{\"a\":".to_vec();
                Slot { style: Style(3), ..first }.put(&mut fixed);
                fixed.extend_from_slice(b", \"b\":");
                Slot { style: Style(255), ..second }.put(&mut fixed);
                all.push(fixed.clone());
                fixed.push(b'}');
                all.push(fixed);
            }
            let mut list = Vec::new();
            put_list(Some(Slot { style: Style(5), ..first }), b"[", b", ", b"]", &mut list);
            all.push(list);
        }
        let mut mixed = Vec::new();
        put_list(None, b"[", b",", b"]", &mut mixed);
        all.push(mixed);
        let mut outlined = 0;
        for stored in all {
            let (mut slots, mut expected) = (Vec::new(), Vec::new());
            let outline = outline_of(&stored, &mut slots);
            let Ok(parsed) = Template::parse(&stored) else {
                assert!(outline.is_none(), "{stored:?}");
                continue;
            };
            assert_eq!(outline, (|_| Some(&parsed)).outline(0, &mut expected), "{stored:?}");
            assert_eq!(slots, expected, "{stored:?}");
            outlined += 1;
        }
        assert_eq!(outlined, 36 * 2 + 6 + 1 + 2);
    }
}
