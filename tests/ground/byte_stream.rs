//! Byte streams, as a client reads them.

use attachments::dev::client::Attachments;
use attachments::proto::get_attachment_bytes_response::Payload;
use attachments::proto::{GetAttachmentBytesRequest, GetAttachmentBytesResponse};
use tonic::{Status, Streaming};

/// A stream of which the first message has come, the one about the file.
pub async fn begin(
    client: &mut Attachments,
    id: &str,
) -> Result<Streaming<GetAttachmentBytesResponse>, Status> {
    let request = GetAttachmentBytesRequest {
        attachment_id: id.to_owned(),
        ..GetAttachmentBytesRequest::default()
    };
    let mut stream = client.get_attachment_bytes(request).await?.into_inner();
    stream.message().await?;
    Ok(stream)
}

/// The bytes that are still to come.
pub async fn rest(mut stream: Streaming<GetAttachmentBytesResponse>) -> Result<Vec<u8>, Status> {
    let mut bytes = Vec::new();
    while let Some(message) = stream.message().await? {
        if let Some(Payload::Chunk(chunk)) = message.payload {
            bytes.extend_from_slice(&chunk);
        }
    }
    Ok(bytes)
}

/// All bytes of an attachment.
pub async fn whole(client: &mut Attachments, id: &str) -> Result<Vec<u8>, Status> {
    rest(begin(client, id).await?).await
}
