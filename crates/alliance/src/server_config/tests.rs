use super::*;
use crate::document::tests::alliance;
use crate::keys::ClientKey;

const MINIMAL: &str = "server = \"acme-1\"\nclients = \"any\"\n\
                       [listen]\npeers = \"127.0.0.1:0\"\nclients = \"[::]:7401\"\n";

fn parse(text: &str) -> Result<ServerConfig, ConfigError> {
    ServerConfig::parse(text, Path::new("/etc/ally/server.toml"))
}

fn message(text: &str) -> String {
    parse(text).unwrap_err().to_string()
}

#[test]
fn what_is_left_out_has_a_default_beside_the_file() {
    let config = parse(MINIMAL).unwrap();
    assert_eq!(config.alliance(), Path::new("/etc/ally/alliance.toml"));
    assert_eq!(config.data(), Path::new("/etc/ally/data"));
    assert_eq!(config.signing_key(), Path::new("/etc/ally/keys/signing.key"));
    assert_eq!(config.share(KeyPurpose::Kernel), Path::new("/etc/ally/keys/kernel.share"));
    assert_eq!(config.durability(), Durability::Fsync);
    assert_eq!(config.log(), LogLevel::Info);
    assert_eq!(config.clients(), &ClientPolicy::Any);
    assert_eq!(config.server_in(&alliance()).unwrap(), ServerIndex(0));
}

#[test]
fn everything_can_be_said() {
    let key = ClientKey::from_seed(&[4; 32]).public();
    let text = format!(
        "server = \"globex-1\"\nalliance = \"/a.toml\"\ndata = \"/d\"\nkeys = \"k\"\n\
         clients = [\"{key}\"]\ndurability = \"none\"\nlog = \"debug\"\n\
         [listen]\npeers = \"0.0.0.0:1\"\nclients = \"0.0.0.0:2\"\n\
         [addresses]\nacme-1 = \"10.0.0.1:7400\"\n"
    );
    let config = parse(&text).unwrap();
    assert_eq!(config.alliance(), Path::new("/a.toml"));
    assert_eq!(config.transport_key(), Path::new("/etc/ally/k/transport.key"));
    assert_eq!(config.clients(), &ClientPolicy::Listed(vec![key]));
    assert_eq!(config.durability(), Durability::None);
    assert_eq!(config.address_of("acme-1").unwrap().as_str(), "10.0.0.1:7400");
    assert_eq!(config.address_of("acme-2"), None);
    assert_eq!(config.server_in(&alliance()).unwrap(), ServerIndex(2));
}

#[test]
fn mistakes_are_named_with_place_and_remedy() {
    let error = message(&MINIMAL.replace("server =", "sever ="));
    assert_eq!(error, "/etc/ally/server.toml:1:1: unknown key `sever`; did you mean `server`?");
    let error = message(&MINIMAL.replace("clients = \"any\"\n", ""));
    assert!(error.contains("`clients` is missing") && error.contains("\"any\""), "{error}");
    let error = message(&MINIMAL.replace("\"any\"", "[\"client:abc\"]"));
    assert!(error.contains("not 48 characters"), "{error}");
    let error = message(&MINIMAL.replace("127.0.0.1:0", "127.0.0.1"));
    assert!(error.contains("server.toml:4:9: `listen`: `peers`"), "{error}");
    let error = message(&format!("log = \"loud\"\n{MINIMAL}"));
    assert!(error.contains("`loud` means nothing here"), "{error}");
    let missing = ServerConfig::load(Path::new("/nowhere/server.toml")).unwrap_err();
    assert!(missing.to_string().contains("/nowhere/server.toml: cannot read"), "{missing}");
}

#[test]
fn a_file_without_end_is_not_read_to_its_end() {
    let directory = std::env::temp_dir().join(format!("ally-config-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let file = directory.join("server.toml");
    // Sparse: no file system would let it be read into memory.
    std::fs::File::create(&file).unwrap().set_len(1 << 40).unwrap();
    let error = ServerConfig::load(&file).unwrap_err().to_string();
    std::fs::remove_dir_all(&directory).unwrap();
    assert!(error.contains("at most 1048576"), "{error}");
}

#[test]
fn nobody_is_reached_at_port_0() {
    let error = message(&format!("{MINIMAL}[addresses]\nglobex-1 = \"h:0\"\n"));
    assert!(error.contains("`globex-1`: nobody can be reached at port 0"), "{error}");
}

#[test]
fn names_that_the_alliance_does_not_have_are_named() {
    let config = parse(&MINIMAL.replace("acme-1", "acme1")).unwrap();
    let error = config.server_in(&alliance()).unwrap_err().to_string();
    assert!(error.contains("`acme1`, which is no server of the alliance; did you mean"), "{error}");
    let config = parse(&format!("{MINIMAL}[addresses]\nzzz = \"h:1\"\n")).unwrap();
    let error = config.server_in(&alliance()).unwrap_err().to_string();
    assert!(error.contains("[addresses] names `zzz`") && error.contains("umbrella-1"), "{error}");
}
