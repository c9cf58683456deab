//! Files that are locked by the empty password: whoever opens one may read it, and it says what else may be done
//! with it. What such a file packs is let in by its reader without a look at what it weighs, so that the lock is
//! hidden from the reader, and opened here.

use lopdf::encryption::decrypt_object;
use lopdf::xref::XrefEntry;
use lopdf::{Document, EncryptionState, Object, ObjectId, ObjectStream};

use super::{STREAM_MAX_BYTES, take_memory, weight_of_packed, within_memory};

/// What a file calls its lock, and what that is called while it is hidden. Both are of one length, so that
/// everything stays where it is.
const LOCK: &[u8] = b"Encrypt";
const HIDDEN: &[u8] = b"_ncrypt";
/// What packed objects call themselves, and what they are called until they are opened.
const PACKED: &[u8] = b"ObjStm";
const SEALED: &[u8] = b"_bjStm";
/// Where a lock lies that is no object of its own. No file has an object of this number.
const PLACE: ObjectId = (0, u16::MAX);

/// The file with every name hidden that a lock may have. `None`: it has none.
pub(super) fn hidden(file: &[u8]) -> Option<Vec<u8>> {
    let starts: Vec<usize> = (0..file.len()).filter(|at| is_lock(&file[*at..])).collect();
    if starts.is_empty() {
        return None;
    }
    let mut file = file.to_vec();
    for at in starts {
        // A letter may be written as its number, and stays as long.
        if file[at + 1] == b'#' {
            file[at + 1..at + 4].copy_from_slice(b"#5f");
        } else {
            file[at + 1] = HIDDEN[0];
        }
    }
    Some(file)
}

/// Whether a text begins with the name of a lock.
fn is_lock(text: &[u8]) -> bool {
    let Some(mut rest) = text.strip_prefix(b"/") else { return false };
    for letter in LOCK {
        let length = match rest {
            [b'#', code @ ..] => {
                let code = code.get(..2).and_then(|code| std::str::from_utf8(code).ok());
                if code.and_then(|code| u8::from_str_radix(code, 16).ok()) != Some(*letter) {
                    return false;
                }
                3
            }
            [byte, ..] if byte == letter => 1,
            _ => return false,
        };
        rest = &rest[length..];
    }
    // Longer names begin with it, too.
    rest.first().is_none_or(|byte| b"\0\t\n\x0c\r ()<>[]{}/%#".contains(byte))
}

/// Whether a file whose lock is hidden has one.
pub(super) fn is_locked(document: &Document) -> bool {
    document.trailer.has(HIDDEN)
}

/// Lets an object in as [`within_memory`] does, and leaves closed what is packed into it.
pub(super) fn sealed_within_memory(
    id: ObjectId,
    object: &mut Object,
) -> Option<(ObjectId, Object)> {
    if let Object::Stream(stream) = object
        && stream.dict.has_type(PACKED)
    {
        stream.dict.set("Type", Object::Name(SEALED.to_vec()));
    }
    within_memory(id, object)
}

/// Opens a file that is locked by the empty password, and what is packed in it, as long as there is memory.
///
/// # Errors
/// It asks for a password, or is locked in a way that nobody here knows.
pub(super) fn open(document: &mut Document) -> lopdf::Result<()> {
    let place = match document.trailer.remove(HIDDEN) {
        Some(Object::Reference(place)) => place,
        lock => {
            document.objects.insert(PLACE, lock.unwrap_or(Object::Null));
            PLACE
        }
    };
    document.trailer.set(LOCK, Object::Reference(place));
    document.authenticate_password("")?;
    let state = EncryptionState::decode(document, "")?;
    let mut packed = Vec::new();
    for (id, object) in &mut document.objects {
        if *id == place {
            continue;
        }
        // What cannot be opened cannot be read later, and that is told then.
        let _ = decrypt_object(&state, *id, object);
        if let Object::Stream(stream) = object
            && stream.dict.has_type(SEALED)
        {
            stream.dict.set("Type", Object::Name(PACKED.to_vec()));
            packed.push(*id);
        }
    }
    for id in packed {
        let Some(Object::Stream(stream)) = document.objects.get_mut(&id) else { continue };
        if !take_memory(weight_of_packed(stream)) {
            break;
        }
        let opened = ObjectStream::new_with_limit(stream, Some(STREAM_MAX_BYTES));
        let Ok(opened) = opened else { continue };
        for (inner, object) in opened.objects {
            // A newer one of the same number may be packed elsewhere.
            let is_elsewhere = matches!(
                document.reference_table.get(inner.0),
                Some(XrefEntry::Compressed { container, .. }) if *container != id.0
            );
            if !is_elsewhere {
                document.objects.entry(inner).or_insert(object);
            }
        }
    }
    document.trailer.remove(LOCK);
    document.objects.remove(&place);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_way_to_write_the_name_of_a_lock_is_hidden() {
        for (file, expected) in [
            ("<</Encrypt 9 0 R>>", "<</_ncrypt 9 0 R>>"),
            ("/Encrypt<</V 2>>", "/_ncrypt<</V 2>>"),
            ("/#45ncrypt 1", "/#5fncrypt 1"),
            ("/E#6ecr#79pt", "/_#6ecr#79pt"),
            ("/Size 1/Encrypt/A", "/Size 1/_ncrypt/A"),
        ] {
            assert_eq!(hidden(file.as_bytes()).as_deref(), Some(expected.as_bytes()), "{file}");
        }
        for file in ["", "/", "/Encryp", "/EncryptMetadata true", "Encrypt", "/#4", "/#zzncrypt"] {
            assert_eq!(hidden(file.as_bytes()), None, "{file}");
        }
    }
}
