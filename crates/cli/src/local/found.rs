//! Founding an alliance whose members all live on this machine.

use super::{Plan, Port};
use crate::dealer;
use crate::failure::Failure;
use crate::member::{self, ServerFiles};
use crate::output::Output;
use ally_alliance::keys::{AdminKey, ClientKey};
use ally_alliance::{
    AllianceDocument, Draft, Durability, Introduction, KeyPurpose, Organisation, Parameters, Server,
};
use ally_consensus::Epoch;
use ally_policy::FaultModel;
use ally_threshold::Scheme;
use std::fs;
use std::path::Path;

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
/// [`Failure`]; `dir` may then be left half-made.
pub fn found(founding: &Founding<'_>, dir: &Path, output: &Output) -> Result<Vec<Port>, Failure> {
    let mut ports = Vec::new();
    let mut rng = dealer::rng()?;
    let client = ClientKey::generate(&mut rng);
    let mut members = Vec::new();
    let mut organisations = Vec::new();
    for (name, servers) in &founding.plan.organisations {
        let home = dir.join(name);
        member::private_directory(&home)?;
        let admin = AdminKey::generate(&mut rng);
        admin.write(&home.join(member::ADMIN_KEY_FILE), name)?;
        let mut own: Vec<Server> = Vec::new();
        for server in servers {
            let (peers, clients) = (Port::free()?, Port::free()?);
            let files = ServerFiles {
                server,
                peers: member::address(peers.address()),
                clients: member::address(clients.address()),
                admitted: vec![client.public()],
                durability: founding.durability,
            };
            own.push(files.write(&home.join(server), &mut rng)?);
            ports.extend([peers, clients]);
        }
        organisations.push(Organisation::new(name, admin.public(), own));
        members.push((home, admin));
    }
    client.write(&dir.join(member::CLIENT_KEY_FILE), "the developer")?;

    let introduction = Introduction {
        origin: "dev.invalid/ally".to_owned(),
        name: "development alliance".to_owned(),
        epoch: Epoch(0),
        model: FaultModel::Byzantine,
    };
    let formulas = founding.plan.formulas.clone();
    let draft = Draft::new(introduction, formulas, organisations, Parameters::default())?;
    let (keys, shares) = dealer::deal(&draft, founding.scheme, output)?;
    let mut document = draft.seal(keys).map_err(Failure::internal)?;
    for (_, admin) in &members {
        document.sign(admin).map_err(Failure::internal)?;
    }
    write_document(&document, dir)?;
    for (home, _) in &members {
        member::write(&home.join(member::ALLIANCE_FILE), document.render().as_bytes())?;
    }
    let alliance = document.verify().map_err(Failure::internal)?;
    for ((index, server), share) in alliance.servers().zip(&shares) {
        let organisation = alliance.organisation_of(index);
        let organisation = organisation.ok_or_else(|| Failure::internal("a server of nobody"))?;
        let home = dir.join(organisation.name()).join(server.name());
        share.write(&home.join(member::KEYS_DIRECTORY), server.name())?;
        member::create_data(&home.join(member::CONFIG_FILE), &alliance)?;
    }
    Ok(ports)
}

/// Writes the document and its public key.
fn write_document(document: &AllianceDocument, dir: &Path) -> Result<(), Failure> {
    member::write(&dir.join(member::ALLIANCE_FILE), document.render().as_bytes())?;
    let pem = document.keys().of(KeyPurpose::Certify).to_pem();
    let path = dir.join(member::PUBLIC_KEY_FILE);
    fs::write(&path, pem).map_err(|error| Failure::file(&path, &error))
}
