use super::*;

/// A PDF with these pages, each of which says one line.
fn pdf(pages: &[&str]) -> Vec<u8> {
    use lopdf::content::{Content, Operation};
    use lopdf::{Document, Object, Stream, dictionary};

    let mut document = Document::with_version("1.5");
    let parent = document.new_object_id();
    let font = document.add_object(dictionary! {
        "Type" => "Font", "Subtype" => "Type1", "BaseFont" => "Helvetica",
        "Encoding" => "WinAnsiEncoding",
    });
    let kids: Vec<Object> = pages
        .iter()
        .map(|line| {
            let operations = vec![
                Operation::new("BT", vec![]),
                Operation::new("Tf", vec!["F1".into(), 12.into()]),
                Operation::new("Td", vec![72.into(), 720.into()]),
                Operation::new("Tj", vec![Object::string_literal(*line)]),
                Operation::new("ET", vec![]),
            ];
            let content = Content { operations }.encode().unwrap();
            let mut stream = Stream::new(dictionary! {}, content);
            stream.compress().unwrap();
            let contents = document.add_object(stream);
            let fonts = dictionary! { "F1" => font };
            let page = dictionary! {
                "Type" => "Page", "Parent" => parent, "Contents" => contents,
                "MediaBox" => vec![0.into(), 0.into(), 612.into(), 792.into()],
                "Resources" => dictionary! { "Font" => fonts },
            };
            document.add_object(page).into()
        })
        .collect();
    let count = i64::try_from(kids.len()).unwrap();
    let tree = dictionary! { "Type" => "Pages", "Kids" => kids, "Count" => count };
    document.objects.insert(parent, Object::Dictionary(tree));
    let catalog = document.add_object(dictionary! { "Type" => "Catalog", "Pages" => parent });
    document.trailer.set("Root", catalog);
    let mut file = Vec::new();
    document.save_to(&mut file).unwrap();
    file
}

#[test]
fn the_pages_of_a_pdf_are_passages() {
    let file =
        pdf(&["Employees get 30 days of leave.", "", "Taxis need the approval of a manager."]);
    let CutPdf { cuts, size, unread_pages } = cut_pdf(&file).unwrap();
    let found: Vec<_> = cuts.iter().map(|cut| (&*cut.heading, &*cut.text)).collect();
    assert_eq!(
        found,
        [
            ("page 1", "Employees get 30 days of leave."),
            ("page 3", "Taxis need the approval of a manager."),
        ]
    );
    assert!((60..100).contains(&size), "{size}");
    assert_eq!(unread_pages, [0; 0], "a page that is blank holds nothing to read");
}

#[test]
fn pages_that_cannot_be_read_are_told() {
    let file = pdf(&["Page one.", "Two, scanned.", "Page three.", "Four, torn.", "Page five."]);
    let mut document = lopdf::Document::load_mem(&file).unwrap();
    let pages = document.get_pages();
    let picture = b"q 612 0 0 792 0 0 cm /Im1 Do Q".to_vec();
    document.change_page_content(pages[&2], picture).unwrap();
    document.change_page_content(pages[&4], b"\xff is \xfe not a page".to_vec()).unwrap();
    let mut file = Vec::new();
    document.save_to(&mut file).unwrap();
    let read = cut_pdf(&file).unwrap();
    assert_eq!(headings(&read.cuts), ["page 1", "page 3", "page 5"]);
    assert_eq!(read.unread_pages, [2, 4]);
}

/// The same PDF, locked by this password.
fn locked(file: &[u8], password: &str) -> Vec<u8> {
    use lopdf::{Document, EncryptionState, EncryptionVersion, Object, Permissions};

    let mut document = Document::load_mem(file).unwrap();
    let id = Object::string_literal("0123456789abcdef");
    document.trailer.set("ID", vec![id.clone(), id]);
    let version = EncryptionVersion::V2 {
        document: &document,
        owner_password: "owner",
        user_password: password,
        key_length: 128,
        permissions: Permissions::all(),
    };
    let state = EncryptionState::try_from(version).unwrap();
    document.encrypt(&state).unwrap();
    let mut file = Vec::new();
    document.save_to(&mut file).unwrap();
    file
}

/// A PDF that packs its font and this object into a stream. One of the right name would not be written, so that
/// it gets its name afterwards.
fn packed(file: &[u8], other: &str) -> Vec<u8> {
    use lopdf::{Document, Stream, dictionary};

    let mut document = Document::load_mem(file).unwrap();
    let is_font = |object: &lopdf::Object| object.as_dict().is_ok_and(|it| it.has_type(b"Font"));
    let font = document.objects.iter().find(|(_, object)| is_font(object)).map(|(id, _)| *id);
    let font = font.unwrap();
    document.objects.remove(&font);
    let text = "<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>> ";
    let places = format!("{} 0 900 {} ", font.0, text.len());
    let first = i64::try_from(places.len()).unwrap();
    let about = dictionary! { "Type" => "Objects", "N" => 2, "First" => first };
    let mut stream = Stream::new(about, format!("{places}{text}{other}").into_bytes());
    stream.compress().unwrap();
    document.add_object(stream);
    let mut file = Vec::new();
    document.save_to(&mut file).unwrap();
    file
}

fn named_as_packed(mut file: Vec<u8>) -> Vec<u8> {
    let at = file.windows(8).position(|word| word == b"/Objects").unwrap();
    file[at..at + 8].copy_from_slice(b"/ObjStm ");
    file
}

#[test]
fn a_pdf_that_anyone_may_open_is_read_and_another_locked_one_is_refused() {
    let line = "It speaks of /Encrypt and is read.";
    let plain = pdf(&[line]);
    for file in [
        plain.clone(),
        locked(&plain, ""),
        named_as_packed(packed(&plain, "[]")),
        named_as_packed(locked(&packed(&plain, "[]"), "")),
    ] {
        let read = cut_pdf(&file).unwrap();
        assert_eq!(read.cuts[0].text, line);
        assert_eq!(read.unread_pages, [0; 0]);
    }
    let told = cut_pdf(&locked(&plain, "secret")).unwrap_err().to_string();
    assert!(told.contains("not locked by a password"), "{told}");
    // A lock does not hide what is packed.
    let heavy = packed(&plain, &format!("[{}]", "[]".repeat(1_000_000)));
    for file in [named_as_packed(heavy.clone()), named_as_packed(locked(&heavy, ""))] {
        assert!(file.len() < 50_000);
        let told = cut_pdf(&file).unwrap_err().to_string();
        assert!(told.contains("memory"), "{told}");
    }
    let good = locked(&plain, "");
    for byte in 0..good.len() {
        let mut broken = good.clone();
        broken[byte] ^= 0x11;
        let _ = std::panic::catch_unwind(|| cut_pdf(&broken));
    }
}

/// The same PDF, changed, and with a number in what it packs.
fn packing_number(
    file: &[u8],
    number: usize,
    change: impl FnOnce(&mut lopdf::Document),
) -> Vec<u8> {
    let mut document = lopdf::Document::load_mem(&packed(file, &number.to_string())).unwrap();
    change(&mut document);
    let mut file = Vec::new();
    document.save_to(&mut file).unwrap();
    named_as_packed(file)
}

#[test]
fn streams_whose_length_is_known_late_are_read_as_long_as_there_is_memory() {
    let line = "It is known late how long this is.";
    let plain = pdf(&[line]);
    let document = lopdf::Document::load_mem(&plain).unwrap();
    let content = document.get_page_contents(document.get_pages()[&1])[0];
    let length = document.get_object(content).unwrap().as_stream().unwrap().content.len();
    let number = lopdf::Object::Reference((900, 0));
    let mut file = packing_number(&plain, length, |document| {
        let stream = document.get_object_mut(content).unwrap().as_stream_mut().unwrap();
        stream.dict.set("Length", number.clone());
    });
    for _ in 0..2 {
        assert_eq!(cut_pdf(&file).unwrap().cuts[0].text, line);
        // It may begin later.
        file = [&b"before\n"[..], &file].concat();
    }
    // Two megabytes, nearly all of which each of three hundred streams holds.
    let heavy = packing_number(&plain, 2_000_000, |document| {
        for _ in 0..300 {
            let mut stream = lopdf::Stream::new(lopdf::dictionary! {}, vec![]);
            stream.dict.set("Length", number.clone());
            document.add_object(stream);
        }
        document.add_object(lopdf::Stream::new(lopdf::dictionary! {}, vec![b' '; 2_100_000]));
    });
    let told = cut_pdf(&heavy).unwrap_err().to_string();
    assert!(told.contains("memory"), "{told}");
}

#[test]
fn hostile_pdfs_are_bounded() {
    let good = pdf(&["One line."]);
    for end in [0, 5, good.len() / 3, good.len() / 2, good.len() - 40] {
        // What is cut off is refused, or read as far as it goes.
        let _ = cut_pdf(&good[..end]);
    }
    for byte in 0..good.len() {
        let mut broken = good.clone();
        broken[byte] ^= 0x11;
        let _ = std::panic::catch_unwind(|| cut_pdf(&broken));
    }
    let told = |file: &[u8]| cut_pdf(file).unwrap_err().to_string();
    assert!(told(b"PK\x03\x04").contains("whole"));
    assert!(told(&pdf(&["", ""])).contains("pictures"));
    assert!(told(&pdf(&["x"; 501])).contains("500 pages"));
    // A few kilobytes that become more than a page may hold, and more text than a document may.
    let bomb = "x".repeat(5 * 1024 * 1024);
    assert!(told(&pdf(&[&bomb])).contains("must"));
    let much = "y".repeat(300 * 1024);
    assert!(told(&pdf(&[&much, &much])).contains("512 KiB"));
    // A few kilobytes that become half a gigabyte of lists, on a page and behind the pages.
    let mut document = lopdf::Document::load_mem(&good).unwrap();
    let lists = format!("9 0 [{}]", "[]".repeat(1_000_000)).into_bytes();
    let about = lopdf::dictionary! { "Type" => "Objects", "N" => 1, "First" => 4 };
    let mut stream = lopdf::Stream::new(about, lists);
    stream.compress().unwrap();
    document.add_object(stream);
    let mut file = Vec::new();
    document.save_to(&mut file).unwrap();
    // One of its right name would not be written.
    let at = file.windows(8).position(|word| word == b"/Objects").unwrap();
    file[at..at + 8].copy_from_slice(b"/ObjStm ");
    assert!(file.len() < 50_000 && told(&file).contains("memory"));
    let mut document = lopdf::Document::load_mem(&pdf(&["One line.", "Two."])).unwrap();
    let page = document.get_pages()[&2];
    document.change_page_content(page, b"q ".repeat(1_000_000)).unwrap();
    let mut file = Vec::new();
    document.save_to(&mut file).unwrap();
    assert_eq!(cut_pdf(&file).unwrap().unread_pages, [2]);
    // A line of a font's map that stands for a million codes.
    let mut document = lopdf::Document::load_mem(&good).unwrap();
    let map = b"1 beginbfrange\n<000000> <0FFFFF> <0041>\nendbfrange\n".to_vec();
    let map = document.add_object(lopdf::Stream::new(lopdf::dictionary! {}, map));
    for object in document.objects.values_mut() {
        if let Ok(font) = object.as_dict_mut()
            && font.has_type(b"Font")
        {
            font.set("ToUnicode", map);
        }
    }
    let mut file = Vec::new();
    document.save_to(&mut file).unwrap();
    assert!(told(&file).contains("more letters"));
}
