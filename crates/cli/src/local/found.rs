//! Founding an alliance whose members all live on this machine.

use super::staging::Staging;
use super::{Plan, Port};
use crate::dealer;
use crate::failure::Failure;
use crate::member::{self, ServerFiles};
use crate::output::Output;
use ally_alliance::keys::{AdminKey, ClientKey, ClientPublic};
use ally_alliance::{Draft, Durability, Introduction, KeyPurpose, Organisation, Parameters};
use ally_consensus::Epoch;
use ally_policy::FaultModel;
use ally_threshold::Scheme;
use rand::CryptoRng;
use std::path::Path;

/// What an alliance's directory holds beside one for each organisation.
const FILES: [&str; 3] = [member::ALLIANCE_FILE, member::PUBLIC_KEY_FILE, member::CLIENT_KEY_FILE];

/// The origin of an alliance that was founded on one machine to play with. Every member signs it with
/// the document, and nobody can own a name under `.invalid`: no real alliance is called so.
pub const DEVELOPMENT_ORIGIN: &str = "dev.invalid/ally";

/// What to found.
pub struct Founding<'a> {
    /// Who is in it.
    pub plan: &'a Plan,
    /// The scheme of its certificates.
    pub scheme: Scheme,
    /// When servers count a record as durable.
    pub durability: Durability,
}

/// Makes everything: keys, document, signatures, directories. Returns the ports, which stay reserved
/// as long as they are kept.
///
/// # Errors
/// [`Failure`]; `dir` is then as it was. It is also if the process is killed, once the next one has
/// looked at it ([`Fleet::is_in`](super::Fleet::is_in)).
pub async fn found(
    founding: &Founding<'_>,
    dir: &Path,
    output: &Output,
) -> Result<Vec<Port>, Failure> {
    let names = founding.plan.organisations.iter().map(|(name, _)| name.as_str());
    let staging = Staging::begin(dir, names.chain(FILES))?;
    let ports = fill(founding, staging.path(), output).await?;
    staging.finish()?;
    Ok(ports)
}

/// Makes everything in an empty directory.
async fn fill(founding: &Founding<'_>, dir: &Path, output: &Output) -> Result<Vec<Port>, Failure> {
    let mut rng = dealer::rng()?;
    let client = ClientKey::generate(&mut rng);
    client.write(&dir.join(member::CLIENT_KEY_FILE), "the developer")?;
    let (members, ports) = settle(founding, dir, client.public(), &mut rng)?;
    let organisations = members.iter().map(|member| member.organisation.clone()).collect();
    let introduction = Introduction {
        origin: DEVELOPMENT_ORIGIN.to_owned(),
        name: "development alliance".to_owned(),
        epoch: Epoch(0),
        model: FaultModel::Byzantine,
    };
    let policy = founding.plan.policy.clone();
    let draft = Draft::new(introduction, policy, organisations, Parameters::default())?;
    let (keys, shares) = dealer::deal(&draft, founding.scheme, output).await?;
    let mut document = draft.seal(keys).map_err(Failure::internal)?;
    for member in &members {
        document.sign(&member.admin).map_err(Failure::internal)?;
    }
    let alliance = document.verify().map_err(Failure::internal)?;
    let text = alliance.document().render();
    for member in &members {
        let home = dir.join(member.organisation.name());
        member::write(&home.join(member::ALLIANCE_FILE), text.as_bytes())?;
    }
    for ((index, server), shares) in alliance.servers().zip(&shares) {
        let organisation = alliance.organisation_of(index);
        let organisation = organisation.ok_or_else(|| Failure::internal("a server of nobody"))?;
        let home = dir.join(organisation.name()).join(server.name());
        shares.write(&home.join(member::KEYS_DIRECTORY), server.name())?;
        member::create_data(&home.join(member::CONFIG_FILE), &alliance)?;
    }
    let pem = alliance.key(KeyPurpose::Certify).to_pem();
    member::write(&dir.join(member::PUBLIC_KEY_FILE), pem.as_bytes())?;
    member::write(&dir.join(member::ALLIANCE_FILE), text.as_bytes())?;
    Ok(ports)
}

/// A member and what it signs with.
struct Member {
    organisation: Organisation,
    admin: AdminKey,
}

/// Makes the members' directories: keys, configurations, addresses.
fn settle(
    founding: &Founding<'_>,
    dir: &Path,
    client: ClientPublic,
    rng: &mut impl CryptoRng,
) -> Result<(Vec<Member>, Vec<Port>), Failure> {
    let (mut members, mut ports) = (Vec::new(), Vec::new());
    for (name, servers) in &founding.plan.organisations {
        let home = dir.join(name);
        member::private_directory(&home)?;
        let admin = AdminKey::generate(rng);
        admin.write(&home.join(member::ADMIN_KEY_FILE), name)?;
        let mut own = Vec::new();
        for server in servers {
            let (peers, clients) = (Port::free()?, Port::free()?);
            let files = ServerFiles {
                server,
                peers: member::address(peers.address()),
                clients: member::address(clients.address()),
                admitted: vec![client],
                durability: founding.durability,
            };
            own.push(files.write(&home.join(server), rng)?);
            ports.extend([peers, clients]);
        }
        let organisation = Organisation::new(name, admin.public(), own);
        members.push(Member { organisation, admin });
    }
    Ok((members, ports))
}
