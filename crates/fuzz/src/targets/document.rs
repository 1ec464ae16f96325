//! Alliance documents: what is accepted reads the same after it was written, and nobody but the
//! members brings one into force.

use crate::fixtures::fixtures;
use ally_alliance::{AllianceDocument, Organisation};

/// The longest text.
const TEXT_BYTES_MAX: usize = 16 * 1024;

/// A document, or the part of one organisation.
pub(super) fn run(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    if text.len() > TEXT_BYTES_MAX {
        return;
    }
    organisation(text);
    let document = match AllianceDocument::parse(text, "alliance.toml") {
        Ok(document) => document,
        Err(error) => return assert_ne!(error.to_string(), "", "an error says something"),
    };
    let rendered = document.render();
    let again = AllianceDocument::parse(&rendered, "alliance.toml").expect("as it was written");
    assert_eq!(again.canonical_bytes(), document.canonical_bytes());
    assert_eq!((again.id(), again.render()), (document.id(), rendered));
    assert_eq!(again.verify_signatures(), document.verify_signatures());
    nobody_else_signs(document);
}

/// The document of the fixtures, signed by all, some and none, and an organisation's part.
pub(super) fn seeds() -> Vec<Vec<u8>> {
    let document = fixtures().alliance.document();
    let signed = document.render();
    let (unsigned, _) = signed.split_once("[[signature]]").expect("signatures");
    let (some, _) = signed.rsplit_once("[[signature]]").expect("signatures");
    let organisation = document.organisations()[0].render();
    [&signed, unsigned, some, &organisation].map(|text| text.as_bytes().to_vec()).into()
}

fn organisation(text: &str) {
    if let Ok(organisation) = Organisation::parse(text, "member.toml") {
        let again = Organisation::parse(&organisation.render(), "member.toml");
        assert_eq!(again.as_ref(), Ok(&organisation), "a member comes back as it was written");
    }
}

/// The members of the fixtures have signed one document, so no other with their keys is in force.
fn nobody_else_signs(document: AllianceDocument) {
    let ours = fixtures().alliance.document();
    let admins = |document: &AllianceDocument| {
        document.organisations().iter().map(|one| *one.admin()).collect::<Vec<_>>()
    };
    let same_members = admins(&document).iter().any(|admin| admins(ours).contains(admin));
    let (id, in_force) = (document.id(), document.verify().is_ok());
    if in_force && same_members {
        assert_eq!(id, ours.id(), "a document that its members have not signed is in force");
    }
}
