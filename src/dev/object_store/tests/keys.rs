//! Keys: their listings, their deletion, and that they are never paths.

use super::{BUCKET, Rig};
use aws_sdk_s3::types::{Delete, ObjectIdentifier};

#[tokio::test]
async fn deleted_objects_are_gone_and_deleting_again_is_fine() {
    let rig = Rig::start().await;
    rig.put("a", "1").await;
    rig.put("b", "2").await;
    rig.put("c", "3").await;
    for _ in 0..2 {
        let delete = rig.s3.delete_object().bucket(BUCKET).key("a");
        delete.send().await.unwrap();
    }
    let id = |key| ObjectIdentifier::builder().key(key).build().unwrap();
    let both = Delete::builder().objects(id("b")).objects(id("absent"));
    let delete = rig.s3.delete_objects().bucket(BUCKET);
    let deleted = delete.delete(both.build().unwrap()).send().await.unwrap();
    assert_eq!(deleted.deleted().len(), 2);
    assert_eq!(rig.keys().await, ["c"]);
    assert_eq!((rig.files("objects"), rig.files("blobs")), (1, 1));
}

#[tokio::test]
async fn a_listing_comes_in_pages_and_in_order() {
    let rig = Rig::start().await;
    for key in ["p/1", "p/2/x", "p/2/y", "p/3", "p/ü & <x>", "q/1"] {
        rig.put(key, key).await;
    }
    let list = rig
        .s3
        .list_objects_v2()
        .bucket(BUCKET)
        .prefix("p/")
        .max_keys(2);
    let mut pages = list.into_paginator().send();
    let mut sizes = Vec::new();
    let mut keys = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.unwrap();
        sizes.push(page.contents().len());
        keys.extend(
            page.contents
                .unwrap_or_default()
                .into_iter()
                .filter_map(|o| o.key),
        );
    }
    assert_eq!(sizes, [2, 2, 1]);
    assert_eq!(keys, ["p/1", "p/2/x", "p/2/y", "p/3", "p/ü & <x>"]);

    let list = rig
        .s3
        .list_objects_v2()
        .bucket(BUCKET)
        .prefix("p/")
        .max_keys(1);
    let mut pages = list.delimiter("/").into_paginator().send();
    let mut entries = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.unwrap();
        entries.extend(page.contents().iter().filter_map(|o| o.key.clone()));
        entries.extend(
            page.common_prefixes()
                .iter()
                .filter_map(|p| p.prefix.clone()),
        );
    }
    assert_eq!(entries, ["p/1", "p/2/", "p/3", "p/ü & <x>"]);
}

#[tokio::test]
async fn keys_are_names_and_never_paths() {
    let rig = Rig::start().await;
    let long = format!("attachments/{}", "字".repeat(296));
    assert_eq!(long.len(), 900);
    let keys = [
        "../x",
        "../../lock",
        "a",
        "a/b",
        "a//b",
        "a/./b",
        "x/",
        &long,
    ];
    for key in keys {
        rig.put(key, key).await;
    }
    for key in keys {
        assert_eq!(rig.get(key).await.unwrap(), key.as_bytes(), "{key}");
    }
    assert_eq!(rig.keys().await.len(), keys.len());
    assert_eq!(rig.files("objects"), keys.len());
    assert_eq!(rig.files("blobs"), keys.len());
    assert_eq!(std::fs::read(rig.root.path().join("lock")).unwrap(), b"");
}
