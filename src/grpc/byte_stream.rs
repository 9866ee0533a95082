//! Bytes as a stream of messages: `info` first, then chunks.

use super::convert::form_to_proto;
use crate::access::{AccessError, ByteRange};
use crate::attachment::Attachment;
use crate::attachment::status::StoredObject;
use crate::proto::get_attachment_bytes_response::Payload;
use crate::proto::{AttachmentBytesInfo, GetAttachmentBytesResponse};
use bytes::Bytes;
use futures::stream::{self, BoxStream, Stream, StreamExt as _};
use tonic::Status;

/// A chunk at most; larger ones are slower at both ends.
const CHUNK_BYTES: usize = 256 * 1024;

/// What `GetAttachmentBytes` answers.
pub(super) type ByteStream = BoxStream<'static, Result<GetAttachmentBytesResponse, Status>>;

/// Puts `info` before the bytes and cuts them into chunks, without copying.
pub(super) fn byte_stream(
    attachment: &Attachment,
    object: &StoredObject,
    range: ByteRange,
    bytes: impl Stream<Item = Result<Bytes, AccessError>> + Send + 'static,
) -> ByteStream {
    let left = object.size_bytes.saturating_sub(range.offset);
    let length = range.limit.map_or(left, |limit| limit.min(left));
    let info = AttachmentBytesInfo {
        attachment_id: attachment.id.to_string(),
        rendition: form_to_proto(range.rendition).into(),
        content_type: object.media_type.mime().to_owned(),
        size_bytes: object.size_bytes.cast_signed(),
        checksum_sha256: object.sha256.to_hex(),
        file_name: attachment.file_name.as_str().to_owned(),
        offset: range.offset.cast_signed(),
        length: length.cast_signed(),
    };
    let first = stream::once(async { Ok(message(Payload::Info(info))) });
    let chunks = bytes.flat_map(|next| {
        stream::iter(match next {
            Ok(bytes) => chunks(bytes)
                .map(|chunk| Ok(message(Payload::Chunk(chunk))))
                .collect(),
            Err(error) => vec![Err(Status::from(error))],
        })
    });
    first.chain(chunks).boxed()
}

fn chunks(mut bytes: Bytes) -> impl Iterator<Item = Bytes> {
    std::iter::from_fn(move || {
        let len = bytes.len().min(CHUNK_BYTES);
        (len > 0).then(|| bytes.split_to(len))
    })
}

fn message(payload: Payload) -> GetAttachmentBytesResponse {
    GetAttachmentBytesResponse {
        payload: Some(payload),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_bounded_and_whole() {
        let bytes = Bytes::from(vec![7; CHUNK_BYTES * 2 + 1]);
        let sizes: Vec<_> = chunks(bytes).map(|chunk| chunk.len()).collect();
        assert_eq!(sizes, [CHUNK_BYTES, CHUNK_BYTES, 1]);
        assert_eq!(chunks(Bytes::new()).count(), 0);
    }
}
