//! The first thing that each end says: which alliance it thinks it is in.
//!
//! TLS has proved which key the other end holds; the hello says everything else that must be the same
//! on both ends before a frame makes sense. Each end sends one hello and reads one, so each end can
//! name what differs. Replaying somebody's hello gains nothing: the server it names must be the one
//! whose key was proved on this very connection.
//!
//! `magic (8) || version (2, LE) || alliance (32) || epoch (8, LE) || policy digest (32)
//!  || from (2, LE) || to (2, LE) || link kind (1)`

use super::{LinkError, LinkKind};
use ally_consensus::{AllianceId, Context, Epoch, PolicyDigest};
use ally_policy::ServerIndex;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// What TLS agrees on for links.
pub(super) const ALPN: &[u8] = b"ally-link/1";

const MAGIC: [u8; 8] = *b"ALLYLINK";
const VERSION: u16 = 1;
const HELLO_BYTES: usize = 8 + 2 + 32 + 8 + 32 + 2 + 2 + 1;

/// The other end is not in the same alliance, or not in the same state of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HelloError {
    /// It speaks something else.
    #[error("the peer does not speak the protocol of Ally's links")]
    NotALink,
    /// Another version of this protocol.
    #[error("the peer speaks version {theirs} of the link protocol, this server version {ours}")]
    WrongVersion {
        /// Ours.
        ours: u16,
        /// Theirs.
        theirs: u16,
    },
    /// Another alliance.
    #[error(
        "the peer is in another alliance: {theirs}, this server is in {ours}; compare both alliance \
         documents (`ally alliance show`)"
    )]
    WrongAlliance {
        /// Ours.
        ours: AllianceId,
        /// Theirs.
        theirs: AllianceId,
    },
    /// Another configuration of the same alliance.
    #[error("the peer is in epoch {theirs} of the alliance, this server in epoch {ours}")]
    WrongEpoch {
        /// Ours.
        ours: Epoch,
        /// Theirs.
        theirs: Epoch,
    },
    /// Another trust policy.
    #[error("the peer has another trust policy: {theirs}, this server has {ours}")]
    WrongPolicy {
        /// Ours.
        ours: PolicyDigest,
        /// Theirs.
        theirs: PolicyDigest,
    },
    /// It names another server than the one whose key it proved to hold.
    #[error("the peer says it is {claimed}, but its key is that of {proved}")]
    WrongServer {
        /// What it says.
        claimed: ServerIndex,
        /// Whose key it has.
        proved: ServerIndex,
    },
    /// It wants to talk to another server.
    #[error("the peer looks for {wanted} here, this is {ours}")]
    NotForUs {
        /// Whom it looks for.
        wanted: ServerIndex,
        /// This server.
        ours: ServerIndex,
    },
    /// The server with the lower index dials; this one has the higher.
    #[error("{0} dialled this server, but it is this server that dials")]
    WrongDirection(
        /// Who dialled.
        ServerIndex,
    ),
    /// The answer is about another kind of link than the one that was asked for.
    #[error("the peer answered for another kind of link")]
    WrongLink,
}

/// What one end says about itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Hello {
    pub(super) context: Context,
    pub(super) from: ServerIndex,
    pub(super) to: ServerIndex,
    pub(super) link: LinkKind,
}

impl Hello {
    pub(super) async fn send(
        &self,
        writer: &mut (impl AsyncWrite + Unpin),
    ) -> Result<(), LinkError> {
        let bytes = self.encode();
        let sent = async {
            writer.write_all(&bytes).await?;
            writer.flush().await
        };
        sent.await.map_err(LinkError::from_io)
    }

    pub(super) async fn receive(reader: &mut (impl AsyncRead + Unpin)) -> Result<Self, LinkError> {
        let mut bytes = [0; HELLO_BYTES];
        reader.read_exact(&mut bytes).await.map_err(LinkError::from_io)?;
        Ok(Self::decode(&bytes)?)
    }

    /// Checks what `self`, received from the server whose key is that of `proved`, says against what
    /// `own`, the other end, knows.
    pub(super) fn check(
        &self,
        context: &Context,
        own: ServerIndex,
        proved: ServerIndex,
    ) -> Result<(), HelloError> {
        let (ours, theirs) = (context, &self.context);
        if ours.alliance != theirs.alliance {
            return Err(HelloError::WrongAlliance { ours: ours.alliance, theirs: theirs.alliance });
        }
        if ours.epoch != theirs.epoch {
            return Err(HelloError::WrongEpoch { ours: ours.epoch, theirs: theirs.epoch });
        }
        if ours.policy != theirs.policy {
            return Err(HelloError::WrongPolicy { ours: ours.policy, theirs: theirs.policy });
        }
        if self.from != proved {
            return Err(HelloError::WrongServer { claimed: self.from, proved });
        }
        if self.to != own {
            return Err(HelloError::NotForUs { wanted: self.to, ours: own });
        }
        Ok(())
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut writer = ally_codec::Writer::new();
        writer.raw(&MAGIC).u16(VERSION);
        writer.value(&self.context.alliance).value(&self.context.epoch).value(&self.context.policy);
        writer.u16(self.from.0).u16(self.to.0).u8(self.link.index() as u8);
        writer.into_bytes()
    }

    fn decode(bytes: &[u8; HELLO_BYTES]) -> Result<Self, HelloError> {
        Self::read(&mut ally_codec::Reader::new(bytes)).unwrap_or(Err(HelloError::NotALink))
    }

    fn read(
        reader: &mut ally_codec::Reader<'_>,
    ) -> Result<Result<Self, HelloError>, ally_codec::DecodeError> {
        if reader.array()? != MAGIC {
            return Ok(Err(HelloError::NotALink));
        }
        let theirs = reader.u16()?;
        if theirs != VERSION {
            return Ok(Err(HelloError::WrongVersion { ours: VERSION, theirs }));
        }
        let (alliance, epoch, policy) = (reader.value()?, reader.value()?, reader.value()?);
        let (from, to) = (ServerIndex(reader.u16()?), ServerIndex(reader.u16()?));
        let Some(link) = LinkKind::ALL.get(usize::from(reader.u8()?)) else {
            return Ok(Err(HelloError::NotALink));
        };
        Ok(Ok(Self { context: Context { alliance, epoch, policy }, from, to, link: *link }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hello() -> Hello {
        let context = Context {
            alliance: AllianceId([1; 32]),
            epoch: Epoch(2),
            policy: PolicyDigest([3; 32]),
        };
        Hello { context, from: ServerIndex(4), to: ServerIndex(5), link: LinkKind::Bulk }
    }

    fn decode(bytes: &[u8]) -> Result<Hello, HelloError> {
        Hello::decode(bytes.try_into().unwrap())
    }

    #[test]
    fn a_hello_comes_back() {
        assert_eq!(hello().encode().len(), HELLO_BYTES);
        assert_eq!(decode(&hello().encode()), Ok(hello()));
    }

    /// Whoever changes one of these bytes breaks every running alliance and must say so with a new
    /// version.
    #[test]
    fn conformance_the_bytes_of_a_hello_are_frozen() {
        let mut expected = b"ALLYLINK\x01\x00".to_vec();
        expected.extend([1; 32]);
        expected.extend([2, 0, 0, 0, 0, 0, 0, 0]);
        expected.extend([3; 32]);
        expected.extend([4, 0, 5, 0, 1]);
        assert_eq!(hello().encode(), expected);
        assert_eq!(decode(&expected), Ok(hello()));
        assert_eq!(Hello { link: LinkKind::Control, ..hello() }.encode().last(), Some(&0));
        assert_eq!(ALPN, b"ally-link/1");
    }

    #[test]
    fn foreign_bytes_versions_and_links_are_named() {
        let mut bytes = hello().encode();
        bytes[0] ^= 1;
        assert_eq!(decode(&bytes), Err(HelloError::NotALink));
        let mut bytes = hello().encode();
        bytes[8] = 2;
        assert_eq!(decode(&bytes), Err(HelloError::WrongVersion { ours: 1, theirs: 2 }));
        let mut bytes = hello().encode();
        bytes[HELLO_BYTES - 1] = 2;
        assert_eq!(decode(&bytes), Err(HelloError::NotALink));
    }

    #[test]
    fn each_difference_has_its_name() {
        let (own, proved) = (ServerIndex(5), ServerIndex(4));
        let check = |hello: Hello| hello.check(&self::hello().context, own, proved);
        assert_eq!(check(hello()), Ok(()));
        let mut other = hello();
        other.context.alliance = AllianceId([9; 32]);
        assert!(matches!(check(other), Err(HelloError::WrongAlliance { .. })));
        let mut other = hello();
        other.context.epoch = Epoch(3);
        assert!(matches!(check(other), Err(HelloError::WrongEpoch { .. })));
        let mut other = hello();
        other.context.policy = PolicyDigest([9; 32]);
        assert!(matches!(check(other), Err(HelloError::WrongPolicy { .. })));
        let other = Hello { from: ServerIndex(3), ..hello() };
        assert!(matches!(check(other), Err(HelloError::WrongServer { .. })));
        let other = Hello { to: ServerIndex(6), ..hello() };
        assert!(matches!(check(other), Err(HelloError::NotForUs { .. })));
    }
}
