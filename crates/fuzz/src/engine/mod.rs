//! Real engines of a small alliance, driven by bytes.
//!
//! The bytes decide everything that the world may do to a server: what arrives, in which order or
//! never, when disks are done, when time passes, who crashes and what its disk kept, and what the
//! liars say, with their keys and everything that they have heard ([`liar`]). After each step the
//! [`witness`] looks whether a server broke its word. Signatures are modelled, so that bytes that the
//! fuzzer makes up can come to anything at all.
//!
//! The [simulator](../../../docs/simulation.md) does the same for whole servers and draws from
//! seeds; here libFuzzer follows the branches of the engine.

mod liar;
mod server;
mod witness;
mod world;

pub(crate) use world::play;

use ally_consensus::{AllianceId, Bounds, Config, Context, Epoch, Micros, PolicyDigest, Rotation};
use ally_policy::{FaultModel, ServerIndex, ServerSet, TrustPolicy};
use std::sync::Arc;

/// How long a server is patient, in microseconds.
const TIMEOUT: Micros = Micros(1_000_000);

/// Who has to agree, and who lies.
#[derive(Clone)]
struct Case {
    context: Context,
    policy: Arc<TrustPolicy>,
    rotation: Rotation,
    liars: ServerSet,
}

impl Case {
    /// `number` says which alliance, `who` which of its servers lie: as many as the policy bears.
    fn new(number: u8, who: u8) -> Self {
        let (quorum, servers, liars) = [(3, 4, 1), (5, 7, 2), (3, 4, 0)][usize::from(number) % 3];
        let policy = TrustPolicy::flat(quorum, servers, FaultModel::Byzantine);
        let policy = policy.expect("a sound policy");
        let context = Context {
            alliance: AllianceId([7; 32]),
            epoch: Epoch(0),
            policy: PolicyDigest(policy.digest()),
        };
        let turns = (0..servers).map(|server| vec![ServerIndex(server)]).collect();
        let liar = |place: u16| ServerIndex((u16::from(who) + place * 3) % servers);
        Self {
            context,
            policy: Arc::new(policy),
            rotation: Rotation::new(context.epoch, turns),
            liars: (0..liars).map(liar).collect(),
        }
    }

    fn config(&self, me: ServerIndex) -> Config {
        let mut config =
            Config::new(self.context, me, self.policy.clone(), self.rotation.clone(), TIMEOUT);
        // Small enough to be reached.
        config.window_blocks = 8;
        config.uncertified_blocks_max = 12;
        config
    }

    fn bounds(&self) -> Bounds {
        Bounds::of(self.policy.as_ref())
    }

    fn servers(&self) -> impl Iterator<Item = ServerIndex> + use<> {
        self.policy.everybody().iter()
    }
}
