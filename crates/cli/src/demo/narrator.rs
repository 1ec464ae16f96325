//! Tells what happens, step by step, and remembers it for programs.

use crate::failure::Failure;
use crate::output::Output;
use crate::statistics::duration;
use anstyle::{AnsiColor, Style};
use serde_json::{Map, Value};
use std::time::Instant;

/// Tells a story in numbered steps: for people as it goes, for programs as one object at the end.
pub struct Narrator {
    output: Output,
    steps: usize,
    begun: Instant,
    summary: Map<String, Value>,
}

impl Narrator {
    /// A story that begins now.
    pub fn new(output: &Output) -> Self {
        Self { output: *output, steps: 0, begun: Instant::now(), summary: Map::new() }
    }

    /// A step is done: its name, what came of it, and the same as data.
    ///
    /// # Errors
    /// [`Failure`] if standard output is gone.
    pub fn step(&mut self, name: &str, lines: &[String], data: Value) -> Result<(), Failure> {
        self.steps += 1;
        let took = self.begun.elapsed();
        self.begun = Instant::now();
        if !self.output.is_json() {
            let bold = Style::new().bold();
            let dim = Style::new().dimmed();
            let took = duration(took);
            let number = self.steps;
            self.output.line(format_args!("{bold}{number}  {name}{bold:#}  {dim}{took}{dim:#}"))?;
            for line in lines {
                self.output.line(format_args!("   {line}"))?;
            }
        }
        self.summary.insert(name.to_lowercase().replace(' ', "_"), data);
        Ok(())
    }

    /// The end: for people some lines, for programs everything.
    ///
    /// # Errors
    /// As [`Narrator::step`].
    pub fn end(mut self, lines: &str) -> Result<(), Failure> {
        self.summary.insert("ok".to_owned(), Value::Bool(true));
        self.output.answer(&self.summary, || lines.to_owned())
    }
}

/// Words in green: something that should be so is so.
pub fn good(text: &str) -> String {
    let good = Style::new().bold().fg_color(Some(AnsiColor::Green.into()));
    format!("{good}{text}{good:#}")
}
