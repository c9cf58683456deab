use std::io::Cursor;
use std::sync::Arc;

use image::codecs::gif::GifEncoder;
use image::{DynamicImage, Frame, ImageFormat, Rgba, RgbaImage};
use resonant_domain::FaultKind;
use resonant_domain::api_key::Scope;
use resonant_domain::image::Fallback;
use resonant_runtime::clock::FixedClock;
use sqlx::PgPool;

use super::*;
use crate::store::images::Rendition;
use crate::{Actor, Backend, RequestId, sample};

fn file_of(points: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut file = Cursor::new(Vec::new());
    points.write_to(&mut file, format).unwrap();
    file.into_inner()
}

fn made(kind: ImageKind, file: &[u8]) -> Result<(StoredImage, Vec<Rendition>), Refusal> {
    encode::make(ImageId::from_uuid(Uuid::nil()), kind, file)
}

fn refused_as(kind: ImageKind, file: &[u8]) -> Option<Refusal> {
    made(kind, file).err()
}

/// CRC-32 as PNG has it.
fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            if crc & 1 == 1 { (crc >> 1) ^ 0xEDB8_8320 } else { crc >> 1 }
        })
    })
}

/// The begin of a PNG that says it has this size.
fn png_of_size(width: u32, height: u32) -> Vec<u8> {
    let chunk = |kind: &[u8], data: &[u8]| {
        let named = [kind, data].concat();
        let length = u32::try_from(data.len()).unwrap();
        [&length.to_be_bytes()[..], &named, &crc(&named).to_be_bytes()].concat()
    };
    let size = [&width.to_be_bytes()[..], &height.to_be_bytes(), &[8, 6, 0, 0, 0]].concat();
    [
        &b"\x89PNG\r\n\x1a\n"[..],
        &chunk(b"IHDR", &size),
        &chunk(b"IDAT", &[0x78, 0x9c, 0x63, 0, 0, 0, 1, 0, 1]),
        &chunk(b"IEND", &[]),
    ]
    .concat()
}

/// A JPEG whose camera lay on its side, and knew where it was.
fn sideways_jpeg(width: u32, height: u32) -> Vec<u8> {
    let points = RgbaImage::from_fn(width, height, |x, _| {
        if x < width / 2 { Rgba([255, 0, 0, 255]) } else { Rgba([0, 0, 255, 255]) }
    });
    let points = DynamicImage::ImageRgb8(DynamicImage::ImageRgba8(points).into_rgb8());
    let plain = file_of(&points, ImageFormat::Jpeg);
    let entry = |tag: u16, kind: u16, value: u32| {
        let count = 1_u32.to_le_bytes();
        [&tag.to_le_bytes()[..], &kind.to_le_bytes(), &count, &value.to_le_bytes()].concat()
    };
    let exif = [
        &b"Exif\0\0II\x2a\0\x08\0\0\0\x02\0"[..],
        &entry(0x0112, 3, 6),
        &entry(0x8825, 4, 38),
        &[0; 4],
        b"GPS-canary 52.5200N 13.4050E",
    ]
    .concat();
    let length = u16::try_from(exif.len() + 2).unwrap().to_be_bytes();
    [&plain[..2], &[0xff, 0xe1], &length, &exif, &plain[2..]].concat()
}

#[test]
fn a_picture_is_cut_to_the_sizes_that_pages_show() {
    let (image, files) = made(ImageKind::Screenshot, &sample::picture(2000, 1000, 7)).unwrap();
    let picture = &image.picture;
    assert_eq!((picture.width, picture.height, picture.fallback), (1440, 720, Fallback::Jpg));
    let names: Vec<_> = files.iter().map(|file| (file.width, file.format)).collect();
    assert_eq!(
        names,
        [(480, "webp"), (480, "jpg"), (960, "webp"), (960, "jpg"), (1440, "webp"), (1440, "jpg")]
    );
    for file in &files {
        let format = image::guess_format(&file.bytes).unwrap();
        let is_webp = file.format == "webp";
        assert_eq!(format, if is_webp { ImageFormat::WebP } else { ImageFormat::Jpeg });
        let read = image::load_from_memory(&file.bytes).unwrap();
        assert_eq!((read.width(), read.height()), (file.width, file.width / 2), "{}", file.format);
    }
    assert!(picture.placeholder.starts_with("data:image/png;base64,"), "{}", picture.placeholder);
    assert!(picture.placeholder.len() < 500, "{}", picture.placeholder);
    assert!(image.thumbhash.len() < 30);

    let (image, files) = made(ImageKind::Screenshot, &sample::picture(700, 400, 7)).unwrap();
    assert_eq!((image.picture.width, files.len()), (700, 4), "never larger than it was");
    let (image, files) = made(ImageKind::Avatar, &sample::picture(300, 200, 7)).unwrap();
    assert_eq!((image.picture.width, image.picture.height), (200, 200), "the middle of it");
    assert_eq!(
        files.iter().map(|file| file.width).collect::<Vec<_>>(),
        [64, 64, 128, 128, 200, 200]
    );
}

#[test]
fn what_is_see_through_stays_so_without_a_dark_edge() {
    let points = RgbaImage::from_fn(256, 256, |x, _| {
        if x < 101 { Rgba([250, 240, 230, 255]) } else { Rgba([0, 0, 0, 0]) }
    });
    let file = file_of(&DynamicImage::ImageRgba8(points), ImageFormat::Png);
    let (image, files) = made(ImageKind::Avatar, &file).unwrap();
    assert_eq!(image.picture.fallback, Fallback::Png);
    let small = files.iter().find(|file| (file.width, file.format) == (64, "png")).unwrap();
    let small = image::load_from_memory(&small.bytes).unwrap().into_rgba8();
    assert_eq!(small.get_pixel(60, 8).0[3], 0);
    for Rgba([red, green, blue, alpha]) in small.pixels().copied().filter(|point| point.0[3] > 64) {
        assert!(red > 235 && green > 225 && blue > 215, "{red} {green} {blue} {alpha}");
    }
}

#[test]
fn a_camera_on_its_side_is_set_upright_and_its_place_is_forgotten() {
    let file = sideways_jpeg(640, 400);
    assert!(file.windows(10).any(|part| part == b"GPS-canary"));
    let (image, files) = made(ImageKind::Screenshot, &file).unwrap();
    assert_eq!((image.picture.width, image.picture.height), (400, 640));
    for file in &files {
        assert!(!file.bytes.windows(10).any(|part| part == b"GPS-canary"), "{}", file.format);
        assert!(!file.bytes.windows(4).any(|part| part == b"Exif"), "{}", file.format);
    }
    // What was on the left is on top.
    let upright = image::load_from_memory(&files.last().unwrap().bytes).unwrap().into_rgb8();
    let (top, bottom) = (upright.get_pixel(200, 40).0, upright.get_pixel(200, 600).0);
    assert!(top[0] > 200 && top[2] < 60 && bottom[2] > 200 && bottom[0] < 60, "{top:?} {bottom:?}");
}

#[test]
fn of_a_picture_that_moves_the_first_frame_stays() {
    let mut file = Vec::new();
    let frame = |red| Frame::new(RgbaImage::from_pixel(100, 100, Rgba([red, 0, 0, 255])));
    GifEncoder::new(&mut file).encode_frames([frame(250), frame(10)]).unwrap();
    let (_, files) = made(ImageKind::Avatar, &file).unwrap();
    let shown = image::load_from_memory(&files[1].bytes).unwrap().into_rgb8();
    assert!(shown.get_pixel(50, 50).0[0] > 200);
}

#[test]
fn what_is_no_picture_or_too_large_a_one_is_refused() {
    let shot = ImageKind::Screenshot;
    for (file, expected) in [
        (b"".to_vec(), Refusal::Format),
        (
            b"<svg xmlns=\"http://www.w3.org/2000/svg\" onload=\"alert(1)\"/>".to_vec(),
            Refusal::Format,
        ),
        (b"<!doctype html><script>alert(1)</script>".to_vec(), Refusal::Format),
        (b"%PDF-1.7".to_vec(), Refusal::Format),
        // Other formats, which the decoder would know if it were built with them.
        (b"BM\x36\0\0\0\0\0\0\0\x36\0\0\0".to_vec(), Refusal::Format),
        (b"II\x2a\0\x08\0\0\0".to_vec(), Refusal::Format),
        // The comment counts as its size.
        (b"GIF89a/*<svg onload=alert(1)>*/=1".to_vec(), Refusal::Large),
        (b"\xff\xd8\xff\xe0".to_vec(), Refusal::Damaged),
        (png_of_size(50_000, 50_000), Refusal::Large),
        (png_of_size(8_000, 8_000), Refusal::Large),
        (png_of_size(u32::MAX >> 1, 1), Refusal::Large),
        (png_of_size(8_000, 400), Refusal::Shape),
        (png_of_size(1_000, 600), Refusal::Damaged),
        (sample::picture(300, 180, 7), Refusal::Small),
    ] {
        let begin = String::from_utf8_lossy(&file[..file.len().min(24)]).into_owned();
        assert_eq!(refused_as(shot, &file), Some(expected), "{begin:?}");
    }
    for (format, cut) in [(ImageFormat::Png, 3), (ImageFormat::WebP, 3)] {
        let whole = DynamicImage::ImageRgb8(
            image::load_from_memory(&sample::picture(640, 400, 7)).unwrap().into_rgb8(),
        );
        let whole = file_of(&whole, format);
        assert_eq!(refused_as(shot, &whole), None, "{format:?}");
        assert_eq!(
            refused_as(shot, &whole[..whole.len() / cut]),
            Some(Refusal::Damaged),
            "{format:?}"
        );
    }
}

#[test]
fn what_a_file_hides_behind_its_picture_is_not_kept() {
    let mut file = sample::picture(400, 300, 7);
    file.extend(b"<script>alert('polyglot-canary')</script>");
    let (_, files) = made(ImageKind::Screenshot, &file).unwrap();
    assert!(files.iter().all(|file| !file.bytes.windows(8).any(|part| part == b"polyglot")));
}

fn kind_of<T>(answer: crate::Result<T>) -> Option<FaultKind> {
    answer.err().map(|error| error.kind())
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_picture_is_its_uploaders_and_anyone_reads_its_files(pool: PgPool) {
    let backend = crate::cache::tests::backend(&pool, None).await;
    let ada = sample::member(&backend, "ada").await.unwrap();
    let bob = sample::member(&backend, "bob").await.unwrap();
    let file = sample::picture(640, 400, 7);
    let image = upload(&ada, ImageKind::Screenshot, file.clone()).await.unwrap();
    assert_eq!((image.widths.as_slice(), image.kind), (&[480, 640][..], ImageKind::Screenshot));
    let again = upload(&ada, ImageKind::Screenshot, file.clone()).await.unwrap();
    assert_eq!(again, image, "the same file is the same picture");
    let others = upload(&bob, ImageKind::Screenshot, file.clone()).await.unwrap();
    assert_ne!(others.picture.id, image.picture.id);
    let avatar = upload(&ada, ImageKind::Avatar, file.clone()).await.unwrap();
    assert_ne!(avatar.picture.id, image.picture.id);

    let (nobody, id) = (backend.anonymous(), image.picture.id);
    let webp = super::file(&nobody, id, 480, "webp").await.unwrap();
    assert_eq!(image::guess_format(&webp.value().bytes).unwrap(), ImageFormat::WebP);
    let kept = super::file(&nobody, id, 480, "webp").await.unwrap();
    assert!(Arc::ptr_eq(&webp, &kept), "from memory");
    for (id, width, format) in [
        (id, 960, "webp"),
        (id, 480, "png"),
        (ImageId::from_uuid(Uuid::nil()), 480, "webp"),
        (id_of(UserId::from_uuid(Uuid::nil()), ImageKind::Avatar, b"x"), 480, "webp"),
    ] {
        let missing = super::file(&nobody, id, width, format).await;
        assert_eq!(kind_of(missing), Some(FaultKind::NotFound), "{width} {format}");
    }

    let guest = sample::guest(&backend).await.unwrap();
    let Actor::User { id: owner, .. } = ada.actor() else { panic!("ada is a person") };
    let key = Actor::Key {
        owner,
        key: resonant_domain::ApiKeyId::from_uuid(Uuid::nil()),
        scopes: Scope::ALL.into_iter().collect(),
    };
    for (ctx, expected) in [
        (guest, FaultKind::Conflict),
        (nobody, FaultKind::Unauthenticated),
        (backend.system(), FaultKind::Forbidden),
        (backend.ctx(key, RequestId::new("test")), FaultKind::Forbidden),
    ] {
        let refused = upload(&ctx, ImageKind::Screenshot, file.clone()).await;
        assert_eq!(kind_of(refused), Some(expected), "{ctx:?}");
    }
    let error = upload(&ada, ImageKind::Screenshot, b"<svg/>".to_vec()).await.unwrap_err();
    assert_eq!((error.kind(), error.fields()[0].field.as_str()), (FaultKind::Invalid, "image"));
    let large = vec![0; UPLOAD_MAX + 1];
    let error = upload(&ada, ImageKind::Screenshot, large).await.unwrap_err();
    assert_eq!(error.fields()[0].reason, Refusal::Bytes.to_string());
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn an_account_keeps_so_many_pictures_and_the_unused_go(pool: PgPool) {
    let start = "2026-11-29T09:00:00Z".parse().unwrap();
    let clock = Arc::new(FixedClock::new(start));
    let backend = Backend::for_tests_at(pool.clone(), clock.clone());
    let ada = sample::member(&backend, "ada").await.unwrap();
    let bob = sample::member(&backend, "bob").await.unwrap();
    upload(&ada, ImageKind::Avatar, sample::picture(64, 64, 0)).await.unwrap();
    let many =
        "INSERT INTO images (image_id, publisher_id, kind, width, height, fallback, thumbhash,
                                    placeholder, created_at, used_at)
                SELECT gen_random_uuid(), publisher_id, kind, width, height, fallback, thumbhash,
                       placeholder, created_at, used_at
                FROM images, generate_series(2, 100)";
    sqlx::raw_sql(many).execute(&pool).await.unwrap();
    let more = upload(&ada, ImageKind::Avatar, sample::picture(64, 64, 1)).await;
    assert_eq!(kind_of(more), Some(FaultKind::Conflict));
    // One of those that are there is none more; others have their own.
    upload(&ada, ImageKind::Avatar, sample::picture(64, 64, 0)).await.unwrap();
    upload(&bob, ImageKind::Avatar, sample::picture(64, 64, 1)).await.unwrap();

    let system = backend.system();
    clock.advance(SignedDuration::from_hours(23));
    assert_eq!(delete_unused(&system).await.unwrap(), 0);
    clock.advance(SignedDuration::from_hours(2));
    assert_eq!(delete_unused(&system).await.unwrap(), 101);
    upload(&ada, ImageKind::Avatar, sample::picture(64, 64, 1)).await.unwrap();
}
