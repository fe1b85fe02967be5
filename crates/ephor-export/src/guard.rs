//! Which addresses a sink may reach: those of the public network, and private ones only where the operator allows them.
//! A name is looked up once, and only addresses that passed are connected to, so that a name cannot change its mind.
//! Never lets a sink reach link-local addresses, where clouds keep their machines' credentials.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::sink::Refusal;

/// Whether addresses of one's own networks may be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Reach {
    /// Only what the whole world can reach.
    #[default]
    Public,
    /// Loopback and private networks too: `allow_private = true`.
    Private,
}

impl Reach {
    pub(crate) fn allows(self, address: IpAddr) -> bool {
        match kind(address) {
            Kind::Public => true,
            Kind::Private => self == Self::Private,
            Kind::Never => false,
        }
    }

    /// The addresses of a host that may be connected to.
    pub(crate) async fn resolve(self, host: &str, port: u16) -> Result<Vec<SocketAddr>, Refusal> {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let found: Vec<SocketAddr> = match tokio::net::lookup_host((bare, port)).await {
            Ok(found) => found.collect(),
            Err(error) => return Err(Refusal::Unreachable { why: format!("{host} cannot be looked up: {error}") }),
        };
        let allowed: Vec<SocketAddr> = found.iter().copied().filter(|address| self.allows(address.ip())).collect();
        match (allowed.is_empty(), found.first()) {
            (true, Some(address)) => Err(Refusal::Unauthorized { why: forbidden(host, address.ip()) }),
            (true, None) => Err(Refusal::Unreachable { why: format!("{host} has no address") }),
            (false, _) => Ok(allowed),
        }
    }

    /// Refuses a host that is an address and not allowed; names are looked at when they are looked up.
    pub(crate) fn check_host(self, host: &str) -> Result<(), String> {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        match bare.parse::<IpAddr>() {
            Ok(address) if !self.allows(address) => Err(forbidden(host, address)),
            _ => Ok(()),
        }
    }
}

fn forbidden(host: &str, address: IpAddr) -> String {
    match kind(address) {
        Kind::Never => format!("{host} is {address}, which no sink may reach"),
        _ => format!(
            "{host} is {address}, an address of a private network; `allow_private = true` lets this sink reach it"
        ),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Public,
    Private,
    Never,
}

fn kind(address: IpAddr) -> Kind {
    match address.to_canonical() {
        IpAddr::V4(address) => kind_v4(address),
        IpAddr::V6(address) => kind_v6(address),
    }
}

fn kind_v4(address: Ipv4Addr) -> Kind {
    let [a, b, c, _] = address.octets();
    match (a, b, c) {
        // Link-local, "this network", multicast, reserved and broadcast.
        (169, 254, _) | (0 | 224..=255, _, _) => Kind::Never,
        (127 | 10, _, _) | (192, 168, _) | (172, 16..=31, _) => Kind::Private,
        // Shared address space, benchmarking, protocol assignments and documentation: routed inside networks only.
        (100, 64..=127, _) | (198, 18..=19, _) | (192, 0, 0 | 2) | (198, 51, 100) | (203, 0, 113) => Kind::Private,
        _ => Kind::Public,
    }
}

fn kind_v6(address: Ipv6Addr) -> Kind {
    let [first, second, ..] = address.segments();
    match first {
        _ if address.is_unspecified() || address.is_multicast() => Kind::Never,
        _ if address.is_loopback() => Kind::Private,
        0xfe80..=0xfebf => Kind::Never,
        0xfc00..=0xfdff => Kind::Private,
        // NAT64 and 6to4 carry an IPv4 address, which decides.
        0x0064 if second == 0xff9b => kind_v4(embedded(address, 6)),
        0x2002 => kind_v4(embedded(address, 1)),
        0x2001 if second == 0x0db8 => Kind::Private,
        // Outside of what is handed out as global unicast nothing is public.
        0x2000..=0x3fff => Kind::Public,
        _ => Kind::Private,
    }
}

fn embedded(address: Ipv6Addr, segment: usize) -> Ipv4Addr {
    let segments = address.segments();
    let ([a, b], [c, d]) = (segments[segment].to_be_bytes(), segments[segment + 1].to_be_bytes());
    Ipv4Addr::new(a, b, c, d)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn private_addresses_are_refused_unless_allowed_and_link_local_ones_always() {
        let cases = [
            ("93.184.215.14", true, true),
            ("2606:2800:21f:cb07:6820:80da:af6b:8b2c", true, true),
            ("127.0.0.1", false, true),
            ("::1", false, true),
            ("::ffff:127.0.0.1", false, true),
            ("10.1.2.3", false, true),
            ("172.31.0.1", false, true),
            ("172.32.0.1", true, true),
            ("192.168.0.9", false, true),
            ("100.100.1.1", false, true),
            ("fd00::1", false, true),
            ("64:ff9b::10.0.0.1", false, true),
            ("2002:7f00:1::", false, true),
            ("169.254.169.254", false, false),
            ("::ffff:169.254.169.254", false, false),
            ("64:ff9b::a9fe:a9fe", false, false),
            ("fe80::1", false, false),
            ("0.0.0.0", false, false),
            ("255.255.255.255", false, false),
            ("224.0.0.1", false, false),
            ("::", false, false),
        ];
        for (address, public, private) in cases {
            let address: IpAddr = address.parse().unwrap();
            assert_eq!((Reach::Public.allows(address), Reach::Private.allows(address)), (public, private), "{address}");
        }
    }

    #[tokio::test]
    async fn a_name_that_leads_home_is_refused_as_its_address_is() {
        assert!(matches!(Reach::Public.resolve("localhost", 1).await, Err(Refusal::Unauthorized { .. })));
        assert!(Reach::Private.resolve("localhost", 1).await.is_ok());
        assert!(Reach::Public.check_host("[::1]").is_err() && Reach::Public.check_host("example.com").is_ok());
    }
}
