//! One service of a domain, and the places where it is offered.

use rand::Rng;

/// Where a service is offered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Name of the host, with the final dot.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Places of a higher one are for when none of a lower one can be reached.
    pub priority: u16,
    /// How often the place is to be chosen among those of its priority.
    pub weight: u16,
}

impl Place {
    /// `host:port`.
    pub fn address(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }
}

/// The service's name in DNS: with `-ssl` for the scheme `https`, and `-NAME` if the domain has several clusters.
pub fn service(base: &str, name: &str, scheme: &str) -> String {
    let ssl = if scheme == "https" { "-ssl" } else { "" };
    let dash = if name.is_empty() { "" } else { "-" };
    format!("{base}{ssl}{dash}{name}")
}

/// Orders places as RFC 2782 wants it: the lowest priority first; those of one priority at random, the more often in
/// front the more weight they have.
pub(crate) fn order(places: &mut [Place], random: &mut impl Rng) {
    places.sort_by_key(|place| (place.priority, place.weight));
    let mut rest = places;
    while let Some(first) = rest.first() {
        let same = rest.iter().take_while(|place| place.priority == first.priority).count();
        let total: u32 = rest[..same].iter().map(|place| u32::from(place.weight)).sum();
        let mut drawn = random.random_range(0..=total);
        let mut chosen = same - 1;
        for (at, place) in rest[..same].iter().enumerate() {
            let weight = u32::from(place.weight);
            if drawn <= weight {
                chosen = at;
                break;
            }
            drawn -= weight;
        }
        rest[..=chosen].rotate_right(1);
        rest = &mut rest[1..];
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{SeedableRng, rngs::StdRng};

    fn place(host: &str, priority: u16, weight: u16) -> Place {
        Place { host: host.to_owned(), port: 1, priority, weight }
    }

    #[test]
    fn services_are_named_as_etcd_does() {
        assert_eq!(service("etcd-client", "", "https"), "etcd-client-ssl");
        assert_eq!(service("etcd-client", "", "http"), "etcd-client");
        assert_eq!(service("etcd-server", "x", "https"), "etcd-server-ssl-x");
        assert_eq!(service("etcd-server", "x", "http"), "etcd-server-x");
    }

    #[test]
    fn weight_counts_within_a_priority_only() {
        let mut random = StdRng::seed_from_u64(1);
        let mut heavy_first = 0;
        for _ in 0..1000 {
            let mut places =
                [place("last", 2, 60_000), place("light", 1, 1), place("heavy", 1, 99), place("none", 1, 0)];
            order(&mut places, &mut random);
            assert_eq!(places[3].host, "last");
            let mut hosts = places.iter().map(|place| &*place.host).collect::<Vec<_>>();
            heavy_first += usize::from(hosts[0] == "heavy");
            hosts.sort_unstable();
            assert_eq!(hosts, ["heavy", "last", "light", "none"], "none is lost");
        }
        assert!((900..1000).contains(&heavy_first), "{heavy_first} of 1000");
    }
}
