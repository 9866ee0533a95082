//! What lies in the bucket, seen past the service.

use super::TestApp;
use crate::ground::bucket;
use secrecy::ExposeSecret as _;

impl TestApp {
    /// The keys of all objects, sorted.
    pub async fn objects(&self) -> Vec<String> {
        bucket::keys(&self.s3(), &self.config.s3.bucket).await
    }

    /// Puts an object there, past the service.
    pub async fn put_object(&self, key: &str, bytes: &'static [u8]) {
        self.s3()
            .put_object()
            .bucket(&self.config.s3.bucket)
            .key(key)
            .body(bytes.to_vec().into())
            .send()
            .await
            .unwrap();
    }

    /// Takes an object away, past the service.
    pub async fn remove_object(&self, key: &str) {
        self.s3()
            .delete_object()
            .bucket(&self.config.s3.bucket)
            .key(key)
            .send()
            .await
            .unwrap();
    }

    /// Waits until the bucket holds exactly these.
    pub async fn eventually_objects(&self, mut expected: Vec<String>) {
        expected.sort();
        let expected = &expected;
        self.eventually(&format!("a bucket with {expected:?} only"), || async move {
            self.objects().await == *expected
        })
        .await;
    }

    /// The keys of the uploads in parts that are not ended, of the first page.
    pub async fn open_uploads(&self) -> Vec<String> {
        let listed = self
            .s3()
            .list_multipart_uploads()
            .bucket(&self.config.s3.bucket)
            .send()
            .await
            .unwrap();
        let uploads = listed.uploads().iter();
        uploads
            .map(|upload| upload.key().unwrap().to_owned())
            .collect()
    }

    /// Waits until every upload in parts is ended.
    pub async fn eventually_no_open_upload(&self) {
        self.eventually("no open upload", || async {
            self.open_uploads().await.is_empty()
        })
        .await;
    }

    /// Begins an upload in parts and leaves it.
    pub async fn abandon_upload(&self, key: &str) {
        self.s3()
            .create_multipart_upload()
            .bucket(&self.config.s3.bucket)
            .key(key)
            .send()
            .await
            .unwrap();
    }

    /// A client of the store, past the service.
    pub fn s3(&self) -> aws_sdk_s3::Client {
        let s3 = &self.config.s3;
        let secret = s3.secret_access_key.as_ref().unwrap();
        bucket::client(
            s3.endpoint.clone().unwrap(),
            s3.region.clone(),
            secret.0.expose_secret(),
        )
    }
}
