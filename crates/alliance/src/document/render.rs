//! From a document to TOML.

use super::organisation::quoted;
use super::{AllianceDocument, Draft, Introduction};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::fmt::Write;

impl AllianceDocument {
    /// The document as a file: it parses back to the same canonical bytes and signatures.
    pub fn render(&self) -> String {
        let mut text = format!(
            "# The alliance document. Every member signs it; whoever changes anything but remarks\n\
             # and layout makes another alliance of it. Identity:\n# {}\n\n",
            self.fingerprint()
        );
        self.draft.render(&mut text);
        text.push('\n');
        self.keys().render(&mut text);
        self.render_signatures(&mut text);
        text
    }

    fn render_signatures(&self, text: &mut String) {
        for (organisation, signature) in self.organisations().iter().zip(&self.signatures) {
            let Some(signature) = signature else { continue };
            let _ = writeln!(
                text,
                "[[signature]]\norganisation = {}\nsignature = \"{}\"\n",
                quoted(organisation.name()),
                STANDARD.encode(signature)
            );
        }
    }
}

impl Draft {
    /// Everything that a document says but keys and signatures.
    pub(super) fn render(&self, text: &mut String) {
        self.render_introduction(text);
        self.render_policy(text);
        for organisation in &self.organisations {
            text.push_str("[[organisation]]\n");
            organisation.write(text, "organisation.server");
            text.push('\n');
        }
        self.parameters.render(text);
    }

    fn render_introduction(&self, text: &mut String) {
        let Introduction { origin, name, epoch, model } = &self.introduction;
        let (origin, name) = (quoted(origin), quoted(name));
        let _ = writeln!(
            text,
            "origin = {origin}\nname = {name}\nepoch = {epoch}\nmodel = \"{model}\"\n"
        );
    }

    fn render_policy(&self, text: &mut String) {
        text.push_str("[policy]\n");
        for (name, formula) in &self.formulas {
            let bare = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
            let key = if name.chars().all(bare) { name.clone() } else { quoted(name) };
            let _ = writeln!(text, "{key} = {}", quoted(formula));
        }
        text.push('\n');
    }
}
