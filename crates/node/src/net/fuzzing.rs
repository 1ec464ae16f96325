//! The links' own readers, for the fuzz targets.

use super::frame::{Announced, Frame, read_body, read_header, read_stamp};
use super::hello::Hello;

/// Reads a hello and writes it again; none if it is refused.
pub fn hello(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut reader = bytes;
    let hello = futures::executor::block_on(Hello::receive(&mut reader)).ok()?;
    reader.is_empty().then(|| hello.encode())
}

/// Reads frames of up to `limit` bytes, as many as there are, and writes them again.
pub fn frames(bytes: &[u8], limit: usize) -> Vec<u8> {
    let mut written = Vec::new();
    let mut reader = bytes;
    while let Some(frame) = futures::executor::block_on(frame(&mut reader, limit)) {
        frame.write_head(&mut written);
        if let Frame::Data(body) = frame {
            written.extend_from_slice(&body);
        }
    }
    written
}

async fn frame(reader: &mut &[u8], limit: usize) -> Option<Frame> {
    Some(match read_header(reader, limit).await.ok()? {
        Announced::Data(length) => Frame::Data(read_body(reader, length, || ()).await.ok()?),
        Announced::Ping => Frame::Ping(read_stamp(reader).await.ok()?),
        Announced::Pong => Frame::Pong(read_stamp(reader).await.ok()?),
    })
}
