//! The proposal to found an alliance whose members make its keys together: `proposal.toml`.
//!
//! It says all that the alliance document will say but the keys, and who deals them. By taking part in
//! the ceremony members agree to it.

use super::read::DRAFT_KEYS;
use super::{DocumentError, Draft};
use crate::fields::{self, Fields};
use ally_codec::Encode;
use ally_policy::{DOCUMENT_BYTES_MAX, ServerIndex, Source};
use ally_threshold::Scheme;
use sha2::{Digest, Sha256};
use std::fmt::Write;

/// The most dealers that a key with a modulus of each of them can have.
const DEALERS_MAX: usize = 4;

/// The keys of the ceremony's table.
const KEYS: [&str; 3] = ["round", "scheme", "dealers"];

/// What members propose to each other when they found an alliance without a dealer that knows its keys.
#[derive(Debug, Clone)]
pub struct Founding {
    /// Everything but the keys.
    draft: Draft,
    /// What checkpoints are signed with.
    scheme: Scheme,
    /// For RSA: who deals a modulus of the key for checkpoints. Empty for BLS, which everybody deals.
    dealers: Vec<ServerIndex>,
    /// Makes this proposal another one than all before.
    round: [u8; 16],
}

impl Founding {
    /// A proposal. `dealers`: the names of the servers that deal the key for checkpoints, for RSA;
    /// `round`: fresh random bytes.
    ///
    /// # Errors
    /// [`DocumentError::Value`]: whoever proposes is to blame.
    pub fn new(
        draft: Draft,
        scheme: Scheme,
        dealers: &[String],
        round: [u8; 16],
    ) -> Result<Self, DocumentError> {
        let dealers: Vec<&str> = dealers.iter().map(String::as_str).collect();
        let dealers = find(&draft, scheme, &dealers);
        let dealers = dealers.map_err(|reason| DocumentError::Value { key: "dealers", reason })?;
        Ok(Self { draft, scheme, dealers, round })
    }

    /// Reads a proposal. `file` is its name in messages.
    ///
    /// # Errors
    /// [`DocumentError`]: whoever wrote or changed the file is to blame; the message says where.
    pub fn parse(text: &str, file: &str) -> Result<Self, DocumentError> {
        let source = Source::new(file, text);
        let table = fields::parse(&source, DOCUMENT_BYTES_MAX)?;
        let fields = Fields::root(&source, &table, &[&DRAFT_KEYS[..], &["ceremony"]].concat())?;
        let draft = Draft::read(&fields, text, file)?;
        let Some(ceremony) = fields.table("ceremony", &KEYS)? else {
            let hint = "`ally key ceremony propose` writes it";
            return Err(fields.missing("ceremony").hint(hint).into());
        };
        let mut round = [0; 16];
        if hex::decode_to_slice(ceremony.text("round")?, &mut round).is_err() {
            let reason = "32 hexadecimal digits are needed, drawn for this ceremony";
            return Err(ceremony.bad("round", reason).into());
        }
        let scheme = ceremony.value("scheme")?;
        let dealers = ceremony.texts("dealers", DEALERS_MAX)?.unwrap_or_default();
        let dealers =
            find(&draft, scheme, &dealers).map_err(|reason| ceremony.bad("dealers", reason))?;
        Ok(Self { draft, scheme, dealers, round })
    }

    /// The proposal as a file, which parses back to it.
    pub fn render(&self) -> String {
        let mut text = "# A proposal to found an alliance. Who takes part in its ceremony agrees to it;\n\
                        # if anything but remarks and layout is changed, it is another ceremony.\n\n"
            .to_owned();
        self.draft.render(&mut text);
        let servers = self.draft.policy.servers();
        let dealers: Vec<String> =
            self.dealers.iter().map(|dealer| format!("\"{}\"", servers[dealer.index()])).collect();
        let (round, scheme) = (hex::encode(self.round), self.scheme);
        text.push_str(
            "\n[ceremony]\n\
             # Drawn for this ceremony: what is published in it means nothing in another.\n",
        );
        let _ = writeln!(text, "round = \"{round}\"");
        text.push_str(
            "# What the alliance signs its checkpoints with, and who deals a modulus of it.\n",
        );
        let _ = writeln!(text, "scheme = \"{scheme}\"");
        if !dealers.is_empty() {
            let _ = writeln!(text, "dealers = [{}]", dealers.join(", "));
        }
        text
    }

    /// Everything but the keys.
    pub fn draft(&self) -> &Draft {
        &self.draft
    }

    /// What checkpoints will be signed with.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// For RSA: who deals the moduli of the key for checkpoints.
    pub fn dealers(&self) -> &[ServerIndex] {
        &self.dealers
    }

    /// The bytes that make this proposal another one than all before.
    pub fn round(&self) -> [u8; 16] {
        self.round
    }

    /// SHA-256 of the canonical draft.
    pub fn subject(&self) -> [u8; 32] {
        let hash = Sha256::new_with_prefix("ally/v1/founding\0");
        hash.chain_update(self.draft.to_bytes()).finalize().into()
    }
}

/// The servers of these names, each of them once.
fn find(draft: &Draft, scheme: Scheme, names: &[&str]) -> Result<Vec<ServerIndex>, String> {
    let rsa = scheme != Scheme::Bls12381;
    match (rsa, names.len()) {
        (false, 1..) => return Err("a bls key is dealt by everybody: name nobody".into()),
        (true, 0) => return Err("an rsa key is dealt by one to four servers: name them".into()),
        (true, 5..) => return Err(format!("at most {DEALERS_MAX} servers deal an rsa key")),
        _ => {}
    }
    let servers = draft.policy.servers();
    let mut dealers = Vec::with_capacity(names.len());
    for name in names {
        let Some(index) = servers.iter().position(|server| server == name) else {
            return Err(format!("there is no server `{name}`: there are {}", servers.join(", ")));
        };
        let index = ServerIndex(index as u16);
        if dealers.contains(&index) {
            return Err(format!("`{name}` is named twice"));
        }
        dealers.push(index);
    }
    Ok(dealers)
}

#[cfg(test)]
mod tests {
    use super::super::tests::draft;
    use super::*;

    fn founding(scheme: Scheme, dealers: &[&str]) -> Result<Founding, DocumentError> {
        let dealers: Vec<String> = dealers.iter().map(ToString::to_string).collect();
        Founding::new(draft(), scheme, &dealers, [7; 16])
    }

    #[test]
    fn a_proposal_comes_back_from_its_text() {
        for (scheme, dealers) in
            [(Scheme::Rsa4096, &["umbrella-1", "acme-2"][..]), (Scheme::Bls12381, &[])]
        {
            let proposal = founding(scheme, dealers).unwrap();
            let again = Founding::parse(&proposal.render(), "proposal.toml").unwrap();
            assert_eq!(again.render(), proposal.render());
            assert_eq!(again.subject(), proposal.subject());
            assert_eq!((again.scheme(), again.round()), (scheme, [7; 16]));
            assert_eq!(again.dealers(), proposal.dealers());
        }
        let proposal = founding(Scheme::Rsa4096, &["umbrella-1", "acme-2"]).unwrap();
        assert_eq!(proposal.dealers(), [ServerIndex(4), ServerIndex(1)]);
    }

    #[test]
    fn who_deals_has_to_be_somebody() {
        let reason = |scheme, dealers: &[&str]| {
            founding(scheme, dealers).expect_err("no proposal").to_string()
        };
        assert!(reason(Scheme::Bls12381, &["acme-1"]).contains("name nobody"));
        assert!(reason(Scheme::Rsa4096, &[]).contains("one to four"));
        assert!(reason(Scheme::Rsa4096, &["acme-1", "acme-1"]).contains("named twice"));
        assert!(reason(Scheme::Rsa4096, &["acme-1", "acme"]).contains("no server `acme`"));
    }

    #[test]
    fn mistakes_are_named_where_they_stand() {
        let text = founding(Scheme::Rsa4096, &["umbrella-1", "acme-2"]).unwrap().render();
        let message = |from: &str, to: &str| {
            assert!(text.contains(from), "{from}");
            let broken = text.replace(from, to);
            Founding::parse(&broken, "proposal.toml").expect_err("a mistake").to_string()
        };
        assert!(message("acme-2\"]", "acme-3\"]").contains("no server `acme-3`"));
        assert!(message("round = \"07", "round = \"7").contains("32 hexadecimal digits"));
        assert!(message("[ceremony]", "[party]").contains("unknown key `party`"));
        let without = &text[..text.find("[ceremony]").unwrap()];
        let missing = Founding::parse(without, "proposal.toml").expect_err("no ceremony");
        assert!(missing.to_string().contains("`ceremony` is missing"), "{missing}");
    }
}
