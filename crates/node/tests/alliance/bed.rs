//! Four servers in this process, over real sockets, disks and keys.

use ally::{Client, Membership, Options};
use ally_alliance::keys::{AdminKey, ClientKey, SigningKey, TransportKey};
use ally_alliance::{
    Alliance, Draft, Introduction, KeyPurpose, Organisation, Parameters, Server, ServerConfig,
    ThresholdKeys, write_share,
};
use ally_consensus::{Digest, Epoch};
use ally_node::Node;
use ally_node::store::{Durability, Identity, Recovered, Store};
use ally_policy::{Definition, FaultModel};
use ally_threshold::{Dealt, Scheme, deal};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use std::net::TcpListener;
use std::path::PathBuf;

/// An alliance on disk, and the servers of it that run.
pub struct Bed {
    pub alliance: Alliance,
    configs: Vec<ServerConfig>,
    pub nodes: Vec<Option<Node>>,
    _dir: tempfile::TempDir,
}

fn seed(place: usize, role: u8) -> [u8; 32] {
    let mut seed = [role; 32];
    seed[0] = place as u8;
    seed
}

/// Ports that were free a moment ago.
fn ports(count: usize) -> Vec<u16> {
    let listeners: Vec<_> =
        (0..count).map(|_| TcpListener::bind("127.0.0.1:0").expect("a free port")).collect();
    listeners.iter().map(|l| l.local_addr().expect("bound").port()).collect()
}

impl Bed {
    /// Makes an alliance of `count` organisations with one server each, all up.
    pub async fn start(count: usize, decide: &str, timeout_ms: u64) -> Self {
        Self::with(count, &[("decide", decide)], timeout_ms).await
    }

    /// As [`Bed::start`], with formulas of more than one name.
    pub async fn with(count: usize, formulas: &[(&str, &str)], timeout_ms: u64) -> Self {
        let mut bed = Self::down_all(count, formulas, timeout_ms);
        for place in 0..count {
            bed.up(place).await;
        }
        bed
    }

    /// As [`Bed::with`], and no server runs yet.
    pub fn down_all(count: usize, formulas: &[(&str, &str)], timeout_ms: u64) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let ports = ports(2 * count);
        let (alliance, dealt) = found(count, formulas, timeout_ms, &ports);
        let mut configs = Vec::new();
        for place in 0..count {
            let home = dir.path().join(format!("s{place}"));
            configs.push(write_server(&home, place, &alliance, &dealt, &ports));
        }
        let nodes = (0..count).map(|_| None).collect();
        Self { alliance, configs, nodes, _dir: dir }
    }

    /// How a server is configured.
    pub fn config(&self, place: usize) -> &ServerConfig {
        &self.configs[place]
    }

    /// Proofs of misbehaviour on the disk of a server that is down.
    pub fn evidence(&self, place: usize) -> Vec<Digest> {
        let kept = self.open(place).0.all_evidence().expect("readable");
        kept.into_iter().map(|(key, _)| key.digest).collect()
    }

    /// Records that a server that is down has ever written to its journal.
    pub fn journal_last(&self, place: usize) -> u64 {
        self.open(place).1.journal_last.0
    }

    /// The data of a server that is down.
    pub fn open(&self, place: usize) -> (Store, Recovered) {
        let server = self.alliance.server_named(&format!("s{place}")).expect("a member");
        let alliance = self.alliance.id();
        let identity = Identity { alliance, server, epoch: self.alliance.epoch() };
        let data = self.configs[place].data();
        Store::open(data, &identity, Durability::None).expect("its own data")
    }

    /// A server's signing key.
    pub fn signing_key(&self, place: usize) -> SigningKey {
        SigningKey::from_seed(&seed(place, 2))
    }

    /// A server's transport key.
    pub fn transport_key(&self, place: usize) -> TransportKey {
        TransportKey::from_seed(&seed(place, 3))
    }

    pub async fn up(&mut self, place: usize) {
        let node = Node::start(&self.configs[place], &self.alliance).await;
        self.nodes[place] = Some(node.expect("the server starts"));
    }

    pub async fn down(&mut self, place: usize) {
        if let Some(node) = self.nodes[place].take() {
            node.stop().await.expect("stops in order");
        }
    }

    /// A client that asks server `first` first.
    pub fn client(&self, first: usize) -> Client {
        let membership = Membership::of(&self.alliance);
        let options = Options::default().first_server(format!("s{first}"));
        Client::new(membership, ClientKey::from_seed(&[200; 32]), options).expect("keys")
    }
}

fn found(
    count: usize,
    formulas: &[(&str, &str)],
    timeout_ms: u64,
    ports: &[u16],
) -> (Alliance, Vec<(KeyPurpose, Dealt)>) {
    let address = |port: u16| format!("127.0.0.1:{port}").parse().expect("an address");
    let organisations = (0..count).map(|place| {
        let server = Server::new(
            format!("s{place}"),
            SigningKey::from_seed(&seed(place, 2)).public(),
            TransportKey::from_seed(&seed(place, 3)).public(),
            address(ports[2 * place]),
            address(ports[2 * place + 1]),
        );
        let admin = AdminKey::from_seed(&seed(place, 1)).public();
        Organisation::new(format!("org{place}"), admin, vec![server])
    });
    let introduction = Introduction {
        origin: "example.org/test".into(),
        name: "test".into(),
        epoch: Epoch(0),
        model: FaultModel::Byzantine,
    };
    let policy = Definition::from_formulas(formulas.iter().copied(), "policy", None);
    let policy = policy.expect("formulas");
    let parameters = Parameters::default().with_timeout_ms(timeout_ms);
    let draft = Draft::new(introduction, policy, organisations.collect(), parameters);
    let draft = draft.expect("a sound policy");
    let mut rng = ChaCha20Rng::from_seed([9; 32]);
    let purposes = [KeyPurpose::Certify, KeyPurpose::Kernel, KeyPurpose::Quorum];
    let dealt: Vec<_> = purposes
        .map(|purpose| {
            let formula = purpose.formula(draft.policy());
            (purpose, deal(Scheme::Bls12381, formula, 0, &mut rng, &()).expect("deals"))
        })
        .into();
    let [certify, kernel, quorum] = [0, 1, 2].map(|at| dealt[at].1.public.clone());
    let mut document = draft.seal(ThresholdKeys { certify, kernel, quorum }).expect("the keys fit");
    for place in 0..count {
        document.sign(&AdminKey::from_seed(&seed(place, 1))).expect("a member");
    }
    (document.verify().expect("all have signed"), dealt)
}

fn write_server(
    home: &std::path::Path,
    place: usize,
    alliance: &Alliance,
    dealt: &[(KeyPurpose, Dealt)],
    ports: &[u16],
) -> ServerConfig {
    let keys = home.join("keys");
    std::fs::create_dir_all(&keys).expect("a directory");
    let name = format!("s{place}");
    let [peers, clients] = [ports[2 * place], ports[2 * place + 1]];
    let text = format!(
        "server = \"{name}\"\nclients = \"any\"\n[listen]\npeers = \"127.0.0.1:{peers}\"\n\
         clients = \"127.0.0.1:{clients}\"\n"
    );
    let file: PathBuf = home.join("server.toml");
    let config = ServerConfig::parse(&text, &file).expect("a configuration");
    SigningKey::from_seed(&seed(place, 2)).write(&config.signing_key(), &name).expect("written");
    TransportKey::from_seed(&seed(place, 3))
        .write(&config.transport_key(), &name)
        .expect("written");
    for (purpose, dealt) in dealt {
        let server = alliance.server_named(&name).expect("a member");
        // A formula may do without a server.
        let Some(share) = dealt.shares.iter().find(|share| share.server() == server) else {
            continue;
        };
        write_share(&config.share(*purpose), *purpose, &name, share).expect("written");
    }
    let server = alliance.server_named(&name).expect("a member");
    let identity = Identity { alliance: alliance.id(), server, epoch: alliance.epoch() };
    Store::create(config.data(), &identity).expect("a fresh directory");
    config
}
