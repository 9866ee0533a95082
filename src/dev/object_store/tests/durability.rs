//! What is left after a restart, a drop and a kill.

use super::{BUCKET, Rig, SECRET_KEY, TempDir, client, pattern, start_at};
use crate::dev::object_store::{ObjectStore, Settings, StartError};
use aws_sdk_s3::primitives::ByteStream;
use futures::stream::{FuturesUnordered, StreamExt as _};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use uuid::Uuid;

#[tokio::test]
async fn a_drop_frees_root_and_port_and_keeps_everything() {
    let rig = Rig::start().await;
    let bytes = pattern(300_000);
    rig.put("a/b", bytes.clone()).await;
    let Rig { store, root, .. } = rig;
    let address = store.local_addr();
    drop(store);

    let store = start_at(root.path()).await;
    let rig = Rig {
        s3: client(store.local_addr(), SECRET_KEY),
        store,
        root,
    };
    assert_eq!(rig.get("a/b").await.unwrap(), bytes);
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn half_things_are_cleared_away_when_a_store_opens() {
    let rig = Rig::start().await;
    rig.put("whole", "bytes").await;
    rig.put("lost", "bytes that get lost").await;
    let Rig { store, root, .. } = rig;
    store.shutdown().await;

    let bucket = root.path().join("buckets").join(BUCKET);
    for blob in std::fs::read_dir(bucket.join("blobs")).unwrap() {
        let blob = blob.unwrap();
        if blob.metadata().unwrap().len() > 5 {
            std::fs::remove_file(blob.path()).unwrap();
        }
    }
    std::fs::write(
        bucket.join("blobs").join(Uuid::now_v7().to_string()),
        "orphan",
    )
    .unwrap();
    std::fs::create_dir(bucket.join("uploads").join(Uuid::now_v7().to_string())).unwrap();
    std::fs::write(root.path().join("incoming/half"), "half").unwrap();

    let store = start_at(root.path()).await;
    let rig = Rig {
        s3: client(store.local_addr(), SECRET_KEY),
        store,
        root,
    };
    assert_eq!(rig.keys().await, ["whole"]);
    assert_eq!(rig.get("whole").await.unwrap(), b"bytes");
    assert_eq!((rig.files("objects"), rig.files("blobs")), (1, 1));
    assert_eq!(rig.files("uploads"), 0);
    assert_eq!(
        std::fs::read_dir(rig.root.path().join("incoming"))
            .unwrap()
            .count(),
        0
    );
}

#[tokio::test]
async fn what_cannot_start_says_why() {
    let root = TempDir::new();
    let start = |buckets: Vec<String>, listen| {
        ObjectStore::start(Settings {
            root: root.path().to_owned(),
            listen,
            access_key: "key".to_owned(),
            secret_key: "secret".into(),
            buckets,
        })
    };
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let bad = start(vec!["../x".to_owned()], any).await;
    assert!(matches!(bad.unwrap_err(), StartError::BucketName(name) if name == "../x"));

    let taken = tokio::net::TcpListener::bind(any).await.unwrap();
    let bad = start(Vec::new(), taken.local_addr().unwrap()).await;
    assert!(matches!(bad.unwrap_err(), StartError::Bind { .. }));
}

/// Not a test of its own: the process that the next one kills.
#[tokio::test]
#[ignore = "run by a_killed_store_keeps_what_it_acknowledged"]
async fn serve_until_killed() {
    let root = std::env::var_os(ROOT_VARIABLE).expect("run by another test");
    let root = Path::new(&root);
    let store = start_at(&root.join("store")).await;
    let address = root.join("address");
    std::fs::write(
        address.with_extension("tmp"),
        store.local_addr().to_string(),
    )
    .unwrap();
    std::fs::rename(address.with_extension("tmp"), address).unwrap();
    std::future::pending::<()>().await;
}

const ROOT_VARIABLE: &str = "OBJECT_STORE_TEST_ROOT";

#[tokio::test]
async fn a_killed_store_keeps_what_it_acknowledged() {
    for acknowledged_at_kill in [1, 7, 20] {
        let root = TempDir::new();
        let name = concat!(module_path!(), "::serve_until_killed");
        let (_, name) = name.split_once("::").unwrap();
        let mut server = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", name, "--ignored"])
            .env(ROOT_VARIABLE, root.path())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let s3 = client(await_address(root.path()).await, SECRET_KEY);

        let mut puts: FuturesUnordered<_> = (0..40)
            .map(|n| {
                let put = s3.put_object().bucket(BUCKET).key(format!("k{n}"));
                let put = put.body(ByteStream::from(pattern(200_000 + n))).send();
                async move { put.await.ok().map(|_| n) }
            })
            .collect();
        let mut acknowledged = Vec::new();
        while let Some(put) = puts.next().await {
            acknowledged.extend(put);
            if acknowledged.len() == acknowledged_at_kill {
                server.kill().unwrap();
            }
        }
        server.wait().unwrap();
        assert!(acknowledged.len() >= acknowledged_at_kill);

        let store = start_at(&root.path().join("store")).await;
        let s3 = client(store.local_addr(), SECRET_KEY);
        let listed = s3.list_objects_v2().bucket(BUCKET).send().await.unwrap();
        let keys: Vec<_> = listed.contents().iter().filter_map(|o| o.key()).collect();
        for n in acknowledged {
            assert!(keys.contains(&format!("k{n}").as_str()), "k{n} is lost");
        }
        for key in keys {
            let got = s3
                .get_object()
                .bucket(BUCKET)
                .key(key)
                .send()
                .await
                .unwrap();
            let n: usize = key[1..].parse().unwrap();
            let bytes = got.body.collect().await.unwrap().to_vec();
            assert_eq!(bytes, pattern(200_000 + n), "{key} is not whole");
        }
    }
}

async fn await_address(root: &Path) -> SocketAddr {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        if let Ok(address) = std::fs::read_to_string(root.join("address")) {
            return address.parse().unwrap();
        }
        assert!(Instant::now() < deadline, "the server does not start");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
