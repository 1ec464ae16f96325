//! The network of an alliance: a relay for each two servers and one before each for applications, and
//! what the faults make of it.

use super::relay::{Passage, Relay, Weather};
use super::schedule::{Fault, Said};
use crate::failure::{Exit, Failure};
use ally_alliance::{Address, Alliance};
use std::net::SocketAddr;
use std::time::Duration;

/// An address that is not on this machine.
const NOT_LOCAL: &str = "ALLY-0514";

/// All relays, and the faults that they are under.
pub struct Network {
    /// For each two servers the one with the lower place, which dials, the other one, and the relay.
    relays: Vec<(usize, usize, Relay)>,
    /// For each server the relay that applications reach it through.
    clients: Vec<Relay>,
    names: Vec<String>,
    /// Faults that last, by number.
    active: Vec<(usize, Fault)>,
    /// Resets so far, by server.
    resets: Vec<u64>,
}

impl Network {
    /// The relays of an alliance on this machine.
    ///
    /// # Errors
    /// [`Failure`] if a server is elsewhere, or the system gives no port.
    pub async fn between(alliance: &Alliance) -> Result<Self, Failure> {
        let (mut names, mut addresses, mut clients) = (Vec::new(), Vec::new(), Vec::new());
        for (_, server) in alliance.servers() {
            names.push(server.name().to_owned());
            addresses.push(local(server.peer_address())?);
            clients.push(Relay::start(local(server.client_address())?).await?);
        }
        let mut relays = Vec::new();
        for (other, target) in addresses.iter().enumerate() {
            for dialler in 0..other {
                relays.push((dialler, other, Relay::start(*target).await?));
            }
        }
        let resets = vec![0; names.len()];
        Ok(Self { relays, clients, names, active: Vec::new(), resets })
    }

    /// Where applications reach the servers, in the alliance's order.
    pub fn client_addresses(&self) -> Vec<SocketAddr> {
        self.clients.iter().map(Relay::address).collect()
    }

    /// The table of `server.toml` by which a server reaches the others through the relays.
    pub fn addresses_of(&self, server: usize) -> String {
        let own = self.relays.iter().filter(|(dialler, ..)| *dialler == server);
        let lines = own.map(|(_, other, relay)| {
            format!("\"{}\" = \"{}\"\n", self.names[*other], relay.address())
        });
        format!("\n[addresses]\n{}", lines.collect::<String>())
    }

    /// A fault begins; `number` is its name until it ends. Faults of other kinds change nothing here.
    pub fn begin(&mut self, number: usize, fault: &Fault) {
        if let Fault::Reset { server } = fault {
            self.resets[*server] += 1;
        }
        self.active.push((number, fault.clone()));
        self.apply();
    }

    /// It ends.
    pub fn end(&mut self, number: usize) {
        self.active.retain(|(own, _)| *own != number);
        self.apply();
    }

    /// All end.
    pub fn heal(&mut self) {
        self.active.clear();
        self.apply();
    }

    /// Bytes that have arrived at servers from servers.
    pub fn carried(&self) -> u64 {
        self.relays.iter().map(|(_, _, relay)| relay.carried()).sum()
    }

    fn apply(&self) {
        for (dialler, other, relay) in &self.relays {
            let faults = self.active.iter().map(|(_, fault)| fault);
            let mut weather = weather(*dialler, *other, faults);
            weather.resets = self.resets[*dialler] + self.resets[*other];
            relay.set(weather);
        }
        for (server, relay) in self.clients.iter().enumerate() {
            relay.set(weather_before(server, self.active.iter().map(|(_, fault)| fault)));
        }
    }
}

/// A server's address, which has to be on this machine.
fn local(address: &Address) -> Result<SocketAddr, Failure> {
    address.as_str().parse().map_err(|_| {
        let message = format_args!("{address} is not on this machine");
        Failure::new(Exit::Input, NOT_LOCAL, message)
    })
}

/// What all these faults together make of the connections between two servers.
fn weather<'a>(dialler: usize, other: usize, faults: impl Iterator<Item = &'a Fault>) -> Weather {
    let mut weather = Weather::default();
    for fault in faults {
        if matches!(fault, Fault::Cut { side } if parts(side, dialler, other)) {
            weather.cut = true;
        }
        worsen(&mut weather.there, dialler, other, fault);
        worsen(&mut weather.back, other, dialler, fault);
    }
    weather
}

/// What a fault makes of one direction.
fn worsen(passage: &mut Passage, from: usize, to: usize, fault: &Fault) {
    match fault {
        Fault::Stall { side } => passage.stalled |= parts(side, from, to),
        Fault::OneWay { from: deaf_to, to: deaf } => {
            passage.stalled |= deaf_to.contains(&from) && deaf.contains(&to);
        }
        Fault::Delay { from: slow, to: late, ms } if slow.contains(&from) && late.contains(&to) => {
            passage.delay = passage.delay.max(Duration::from_millis(*ms));
        }
        Fault::Narrow { server, bytes_per_s } if [from, to].contains(server) => {
            let rate = passage.bytes_per_s.unwrap_or(u64::MAX).min(*bytes_per_s);
            passage.bytes_per_s = Some(rate);
        }
        _ => {}
    }
}

/// What all these faults together make of the connections between applications and a server.
fn weather_before<'a>(server: usize, faults: impl Iterator<Item = &'a Fault>) -> Weather {
    let mut weather = Weather::default();
    for fault in faults {
        match fault {
            Fault::ClientCut { servers } if servers.contains(&server) => weather.cut = true,
            Fault::ClientStall { servers, what } if servers.contains(&server) => {
                weather.there.stalled |= *what != Said::Answers;
                weather.back.stalled |= *what != Said::Commands;
            }
            Fault::ClientDelay { servers, ms } if servers.contains(&server) => {
                for passage in [&mut weather.there, &mut weather.back] {
                    passage.delay = passage.delay.max(Duration::from_millis(*ms));
                }
            }
            _ => {}
        }
    }
    weather
}

/// Whether a group holds one of the two and not the other.
fn parts(side: &[usize], one: usize, other: usize) -> bool {
    side.contains(&one) != side.contains(&other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_add_up_and_each_has_its_direction() {
        let faults = [
            Fault::OneWay { from: vec![0], to: vec![1, 2] },
            Fault::Delay { from: vec![1], to: vec![0, 2], ms: 30 },
            Fault::Delay { from: vec![1], to: vec![0], ms: 70 },
            Fault::Narrow { server: 2, bytes_per_s: 9 },
            Fault::Kill { server: 0 },
        ];
        let first = weather(0, 1, faults.iter());
        assert!(first.there.stalled && !first.back.stalled && !first.cut);
        assert_eq!(first.back.delay, Duration::from_millis(70));
        assert_eq!(first.there.delay, Duration::ZERO);
        let other = weather(1, 2, faults.iter());
        assert_eq!(other.there.delay, Duration::from_millis(30));
        assert_eq!((other.there.bytes_per_s, other.back.bytes_per_s), (Some(9), Some(9)));
        assert_eq!(weather(0, 3, faults.iter()), Weather::default());
    }

    #[test]
    fn a_cut_parts_two_groups_and_leaves_each_whole() {
        let faults = [Fault::Cut { side: vec![0, 1] }, Fault::Stall { side: vec![3] }];
        assert!(weather(0, 2, faults.iter()).cut && weather(1, 3, faults.iter()).cut);
        assert_eq!(weather(0, 1, faults.iter()), Weather::default());
        let stalled = weather(2, 3, faults.iter());
        assert!(stalled.there.stalled && stalled.back.stalled && !stalled.cut);
    }
    #[test]
    fn what_parts_applications_from_a_server_parts_no_servers_and_the_other_way_round() {
        let stall = |what| Fault::ClientStall { servers: vec![0, 1], what };
        let commands = weather_before(1, [stall(Said::Commands)].iter());
        assert!(commands.there.stalled && !commands.back.stalled && !commands.cut);
        let answers = weather_before(1, [stall(Said::Answers)].iter());
        assert!(!answers.there.stalled && answers.back.stalled);
        let all = [
            stall(Said::All),
            Fault::ClientDelay { servers: vec![1, 2], ms: 40 },
            Fault::ClientDelay { servers: vec![1], ms: 20 },
            Fault::ClientCut { servers: vec![2] },
        ];
        let both = weather_before(1, all.iter());
        assert!(both.there.stalled && both.back.stalled && !both.cut);
        assert_eq!([both.there.delay, both.back.delay], [Duration::from_millis(40); 2]);
        assert!(weather_before(2, all.iter()).cut && !weather_before(2, all.iter()).there.stalled);
        assert_eq!(weather_before(3, all.iter()), Weather::default());
        assert_eq!(weather(1, 2, all.iter()), Weather::default());
        let servers = [Fault::Cut { side: vec![1] }, Fault::Narrow { server: 1, bytes_per_s: 9 }];
        assert_eq!(weather_before(1, servers.iter()), Weather::default());
    }
}
