//! Frames: `length (4, LE) || kind (1) || body`, where `length` counts the body.

use super::LinkError;
use bytes::{BufMut, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt};

/// Bytes in front of a body.
pub(super) const HEADER_BYTES: usize = 5;

const DATA: u8 = 0;
const PING: u8 = 1;
const PONG: u8 = 2;
const STAMP_BYTES: usize = 8;

/// What travels on a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Frame {
    /// What the driver sent.
    Data(Bytes),
    /// Are you there? With the sender's clock.
    Ping(u64),
    /// I am; with the clock from the ping.
    Pong(u64),
}

/// What a header announces; all of it was checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Announced {
    /// A data frame of so many bytes.
    Data(usize),
    /// A ping.
    Ping,
    /// A pong.
    Pong,
}

impl Announced {
    /// Reads a header. The limit is checked here, before anyone sets memory aside for the body.
    pub(super) fn parse(header: [u8; HEADER_BYTES], limit: usize) -> Result<Self, LinkError> {
        let [a, b, c, d, kind] = header;
        let length = u32::from_le_bytes([a, b, c, d]) as usize;
        let (announced, limit) = match kind {
            DATA => (Self::Data(length), limit),
            PING => (Self::Ping, STAMP_BYTES),
            PONG => (Self::Pong, STAMP_BYTES),
            _ => return Err(LinkError::UnknownFrame(kind)),
        };
        if length > limit || (announced != Self::Data(length) && length != STAMP_BYTES) {
            return Err(LinkError::FrameTooLong { length, limit });
        }
        Ok(announced)
    }
}

impl Frame {
    /// Appends everything up to the body of a data frame, and all of any other frame.
    pub(super) fn write_head(&self, buffer: &mut Vec<u8>) {
        let (kind, length) = match self {
            Self::Data(body) => (DATA, body.len()),
            Self::Ping(_) => (PING, STAMP_BYTES),
            Self::Pong(_) => (PONG, STAMP_BYTES),
        };
        let length = u32::try_from(length).expect("a queue takes no frame of 4 GiB");
        buffer.extend_from_slice(&length.to_le_bytes());
        buffer.push(kind);
        if let Self::Ping(stamp) | Self::Pong(stamp) = self {
            buffer.extend_from_slice(&stamp.to_le_bytes());
        }
    }
}

/// Reads the next header.
pub(super) async fn read_header(
    reader: &mut (impl AsyncRead + Unpin),
    limit: usize,
) -> Result<Announced, LinkError> {
    let mut header = [0; HEADER_BYTES];
    reader.read_exact(&mut header).await.map_err(LinkError::from_io)?;
    Announced::parse(header, limit)
}

/// Reads the clock out of a ping or pong.
pub(super) async fn read_stamp(reader: &mut (impl AsyncRead + Unpin)) -> Result<u64, LinkError> {
    reader.read_u64_le().await.map_err(LinkError::from_io)
}

/// Reads the body of a data frame into memory of its own. `heard` is called whenever bytes arrive.
pub(super) async fn read_body(
    reader: &mut (impl AsyncRead + Unpin),
    length: usize,
    heard: impl Fn(),
) -> Result<Bytes, LinkError> {
    let mut body = BytesMut::with_capacity(length);
    while body.len() < length {
        // The limit goes down with each read, so the buffer never grows past what was announced.
        let missing = length - body.len();
        let mut room = (&mut body).limit(missing);
        if reader.read_buf(&mut room).await.map_err(LinkError::from_io)? == 0 {
            return Err(LinkError::Closed);
        }
        heard();
    }
    Ok(body.freeze())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(length: u32, kind: u8) -> [u8; HEADER_BYTES] {
        let [a, b, c, d] = length.to_le_bytes();
        [a, b, c, d, kind]
    }

    #[test]
    fn a_frame_at_the_limit_is_taken_and_one_above_is_not() {
        assert!(matches!(Announced::parse(header(100, DATA), 100), Ok(Announced::Data(100))));
        let error = Announced::parse(header(101, DATA), 100).unwrap_err();
        assert!(matches!(error, LinkError::FrameTooLong { length: 101, limit: 100 }), "{error}");
        let error = Announced::parse(header(u32::MAX, DATA), 100).unwrap_err();
        assert!(matches!(error, LinkError::FrameTooLong { .. }), "{error}");
    }

    #[test]
    fn pings_have_one_length_only() {
        for kind in [PING, PONG] {
            assert!(Announced::parse(header(8, kind), 100).is_ok());
            for length in [0, 7, 9, 100] {
                assert!(Announced::parse(header(length, kind), 100).is_err());
            }
        }
        assert!(matches!(Announced::parse(header(8, 3), 9), Err(LinkError::UnknownFrame(3))));
    }

    /// Frozen, as the bytes of a hello are.
    #[test]
    fn conformance_the_bytes_of_frames_are_frozen() {
        let head = |frame: Frame| {
            let mut bytes = Vec::new();
            frame.write_head(&mut bytes);
            bytes
        };
        assert_eq!(head(Frame::Data(Bytes::from_static(&[9; 258]))), [2, 1, 0, 0, 0]);
        assert_eq!(head(Frame::Ping(7)), [8, 0, 0, 0, 1, 7, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(head(Frame::Pong(256)), [8, 0, 0, 0, 2, 0, 1, 0, 0, 0, 0, 0, 0]);
    }

    #[tokio::test]
    async fn frames_come_back_as_they_were_written() {
        let body = Bytes::from_static(b"a vote");
        let mut wire = Vec::new();
        Frame::Ping(7).write_head(&mut wire);
        Frame::Data(body.clone()).write_head(&mut wire);
        wire.extend_from_slice(&body);
        let reader = &mut &wire[..];
        assert_eq!(read_header(reader, 10).await.unwrap(), Announced::Ping);
        assert_eq!(read_stamp(reader).await.unwrap(), 7);
        assert_eq!(read_header(reader, 10).await.unwrap(), Announced::Data(body.len()));
        assert_eq!(read_body(reader, body.len(), || ()).await.unwrap(), body);
        assert!(matches!(read_header(reader, 10).await, Err(LinkError::Closed)));
    }
}
