//! An alliance with real keys, threshold keys of both schemes, and a log with signed checkpoints: made
//! once for each process, the same every time.

use ally_alliance::keys::{AdminKey, SigningKey, TransportKey};
use ally_alliance::{
    Alliance, Draft, Introduction, KeyPurpose, Organisation, Parameters, Server, ServerShares,
};
use ally_codec::Decode;
use ally_consensus::Epoch;
use ally_log::{
    Certificate, CertificateVerifier, Checkpoint, ConsistencyProof, Frontier, Hash, MemoryTiles,
    NONCE_BYTES, Origin, Prover, Receipt, ReceiptFile, leaf_hash,
};
use ally_policy::{Definition, FaultModel, Formula, ServerIndex};
use ally_threshold::{KeyShare, PublicKey, Scheme, ShareProof, SignatureShare, combine, deal};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use std::sync::OnceLock;

/// How many servers the alliance has; one of them may lie.
pub(crate) const SERVERS: u8 = 4;

/// How many commands the log holds.
pub(crate) const COMMANDS: u64 = 11;

/// Everything that targets share.
pub(crate) struct Fixtures {
    pub(crate) alliance: Alliance,
    /// Shares of the alliance's threshold keys, by server.
    pub(crate) shares: Vec<ServerShares>,
    pub(crate) bls: ThresholdKey,
    pub(crate) rsa: ThresholdKey,
    pub(crate) log: Log,
}

/// A threshold key with all its shares.
pub(crate) struct ThresholdKey {
    pub(crate) public: PublicKey,
    /// By server, from 0 without a gap.
    pub(crate) shares: Vec<KeyShare>,
}

/// A log whose checkpoints the alliance has signed.
pub(crate) struct Log {
    tiles: MemoryTiles,
    /// At sizes 3, 8 and 11.
    pub(crate) certificates: Vec<Certificate>,
    pub(crate) key: PublicKey,
}

/// The fixtures.
pub(crate) fn fixtures() -> &'static Fixtures {
    static FIXTURES: OnceLock<Fixtures> = OnceLock::new();
    FIXTURES.get_or_init(Fixtures::make)
}

/// The key that signs what a server says.
pub(crate) fn signing_key(server: u8) -> SigningKey {
    SigningKey::from_seed(&[server + 50; 32])
}

/// The command at a place of the log.
pub(crate) fn command(index: u64) -> Vec<u8> {
    format!("transfer {index} to acme").into_bytes()
}

/// The nonce in front of it.
pub(crate) fn nonce(index: u64) -> [u8; NONCE_BYTES] {
    [index as u8; NONCE_BYTES]
}

impl Fixtures {
    fn make() -> Self {
        let draft = draft();
        let mut rng = ChaCha20Rng::seed_from_u64(9);
        let (keys, shares) = draft.deal(Scheme::Bls12381, &mut rng, &()).expect("BLS keys");
        let mut document = draft.seal(keys).expect("keys of this policy");
        for place in 0..SERVERS {
            document.sign(&AdminKey::from_seed(&[place; 32])).expect("a member");
        }
        let alliance = document.verify().expect("all have signed");
        let log = Log::make(&alliance, &shares);
        let rsa = ThresholdKey::rsa();
        Self { alliance, shares, bls: ThresholdKey::bls(rsa.public.formula()), rsa, log }
    }
}

/// Four organisations with a server each, of which three decide.
fn draft() -> Draft {
    let address = |port: u16| format!("127.0.0.1:{port}").parse().expect("an address");
    let organisations = (0..SERVERS).map(|place| {
        let server = Server::new(
            format!("s{place}"),
            signing_key(place).public(),
            TransportKey::from_seed(&[place + 100; 32]).public(),
            address(1000 + u16::from(place)),
            address(2000 + u16::from(place)),
        );
        let admin = AdminKey::from_seed(&[place; 32]).public();
        Organisation::new(format!("org{place}"), admin, vec![server])
    });
    let introduction = Introduction {
        origin: "example.org/test".into(),
        name: "test".into(),
        epoch: Epoch(0),
        model: FaultModel::Byzantine,
    };
    let formulas = [("decide", "3 of (s0, s1, s2, s3)")];
    let policy = Definition::from_formulas(formulas, "policy", None).expect("formulas");
    Draft::new(introduction, policy, organisations.collect(), Parameters::default())
        .expect("a sound policy")
}

impl ThresholdKey {
    fn rsa() -> Self {
        let file = include_str!("../fixtures/rsa2048.txt");
        let mut lines = file.lines().map(|line| hex::decode(line).expect("hexadecimal"));
        let public = PublicKey::from_bytes(&lines.next().expect("a line")).expect("a key");
        let shares = lines.map(|line| KeyShare::decode(&line).expect("a share")).collect();
        Self { public, shares }
    }

    fn bls(formula: &Formula) -> Self {
        let mut rng = ChaCha20Rng::seed_from_u64(12381);
        let dealt = deal(Scheme::Bls12381, formula, 0, &mut rng, &()).expect("deals");
        Self { public: dealt.public, shares: dealt.shares }
    }

    /// A server's share of a signature, and its proof.
    pub(crate) fn contribution(
        &self,
        server: usize,
        message: &[u8],
    ) -> (SignatureShare, ShareProof) {
        let key = &self.shares[server];
        let share = key.sign(&self.public, message).expect("our key");
        let mut rng = ChaCha20Rng::seed_from_u64(server as u64);
        let proof = key.prove(&self.public, message, &share, &mut rng).expect("our share");
        (share, proof)
    }
}

impl Log {
    fn make(alliance: &Alliance, shares: &[ServerShares]) -> Self {
        let mut log = Self {
            tiles: MemoryTiles::new(),
            certificates: Vec::new(),
            key: alliance.key(KeyPurpose::Certify).clone(),
        };
        let origin = Origin::new(alliance.origin()).expect("an origin");
        for index in 0..COMMANDS {
            log.tiles.append([leaf(index)]);
            if [3, 8, COMMANDS].contains(&log.tiles.size()) {
                let checkpoint = Checkpoint {
                    origin: origin.clone(),
                    log_size: log.tiles.size(),
                    log_root: log.tiles.root(),
                    epoch: 0,
                    height: log.tiles.size() / 2,
                    block: Hash([log.tiles.size() as u8; 32]),
                };
                log.certificates.push(certify(&log.key, shares, checkpoint));
            }
        }
        log
    }

    /// The right edge of the log.
    pub(crate) fn frontier(&self) -> Frontier {
        Prover::new(&self.tiles, COMMANDS).frontier().expect("in memory")
    }

    /// The root over the first commands.
    pub(crate) fn root(&self, size: u64) -> Hash {
        Prover::new(&self.tiles, size).frontier().expect("in memory").root()
    }

    /// Proof that the log at this size is the beginning of the whole.
    pub(crate) fn consistency(&self, size: u64) -> ConsistencyProof {
        Prover::new(&self.tiles, COMMANDS).consistency(size).expect("in memory")
    }

    /// The receipt of a command, under the first checkpoint that covers it.
    pub(crate) fn receipt(&self, index: u64) -> ReceiptFile {
        let covers = |one: &&Certificate| one.checkpoint.log_size > index;
        let certificate = self.certificates.iter().find(covers).expect("all are covered").clone();
        let size = certificate.checkpoint.log_size;
        let proof = Prover::new(&self.tiles, size).inclusion(index).expect("in memory");
        let receipt = Receipt { index, leaf: leaf(index), proof, certificate };
        ReceiptFile { nonce: nonce(index), receipt }
    }
}

fn leaf(index: u64) -> Hash {
    leaf_hash(&[&nonce(index)[..], &command(index)].concat())
}

/// A checkpoint with the signature of the alliance.
pub(crate) fn signed_checkpoint(checkpoint: Checkpoint) -> Certificate {
    certify(&fixtures().log.key, &fixtures().shares, checkpoint)
}

fn certify(key: &PublicKey, shares: &[ServerShares], checkpoint: Checkpoint) -> Certificate {
    let statement = checkpoint.statement();
    let shares: Vec<(ServerIndex, SignatureShare)> = shares
        .iter()
        .filter_map(|own| Some((own.server(), own.of(KeyPurpose::Certify)?)))
        .map(|(server, share)| (server, share.sign(key, statement.as_bytes()).expect("our key")))
        .collect();
    let signature = combine(key, statement.as_bytes(), &shares).expect("good shares");
    Certificate { checkpoint, signature }
}

/// The alliance's key, as whoever checks a receipt has it.
pub(crate) struct AllianceKey<'a>(pub(crate) &'a PublicKey);

impl CertificateVerifier for AllianceKey<'_> {
    fn verify(&self, statement: &[u8], signature: &[u8]) -> bool {
        self.0.verify(statement, signature)
    }
}
