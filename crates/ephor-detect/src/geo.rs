//! Where network addresses are: asked of a GeoLite-format database that the user supplies, or of places that a test gives.
//! Promises the same place for the same address and database.
//! Never asks the network, and never guesses: an address that the database does not place is nowhere.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::Path;

use maxminddb::{Reader, geoip2};

use crate::error::DetectError;

/// What knows where addresses are.
#[derive(Default)]
pub(crate) enum Geo {
    /// Nothing: whatever asks for a place finds nothing.
    #[default]
    Nowhere,
    /// A database in MaxMind's format with `location` records, as GeoLite2-City and GeoIP2-City have them.
    Database(Box<Reader<Vec<u8>>>),
    /// Places by address, for tests of rules.
    Given(BTreeMap<IpAddr, Spot>),
}

impl std::fmt::Debug for Geo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Nowhere => f.write_str("Nowhere"),
            Self::Database(reader) => f.debug_tuple("Database").field(&reader.metadata().database_type).finish(),
            Self::Given(places) => f.debug_tuple("Given").field(&places.len()).finish(),
        }
    }
}

/// A place on earth.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Spot {
    pub(crate) latitude: f64,
    pub(crate) longitude: f64,
    /// How far off it may be.
    pub(crate) radius_km: f64,
}

/// The mean radius of the earth.
const EARTH_KM: f64 = 6_371.0;

/// The largest radius that is kept: beyond it a place says nothing.
const RADIUS_KM: f64 = 1_023.0;

/// A thousandth of a degree is a hundred metres: closer than any database places an address.
const STEPS: f64 = 1_000.0;

impl Geo {
    /// Opens a database.
    pub(crate) fn open(path: &Path) -> Result<Self, DetectError> {
        let broken = |what: String| DetectError::Geo { path: path.to_owned(), what };
        let reader = Reader::open_readfile(path).map_err(|error| broken(error.to_string()))?;
        let kind = reader.metadata().database_type.clone();
        if !kind.contains("City") && !kind.contains("Location") && !kind.contains("Enterprise") {
            return Err(broken(format!("it is a `{kind}` database, which places no address; a City database does")));
        }
        Ok(Self::Database(Box::new(reader)))
    }

    /// Whether it knows any place.
    pub(crate) fn is_nowhere(&self) -> bool {
        matches!(self, Self::Nowhere)
    }

    /// Where an address is.
    pub(crate) fn place(&self, address: &str) -> Option<Spot> {
        let address: IpAddr = address.parse().ok()?;
        match self {
            Self::Nowhere => None,
            Self::Given(places) => places.get(&address).copied(),
            Self::Database(reader) => {
                let location = reader.lookup(address.to_canonical()).ok()?.decode::<geoip2::City<'_>>().ok()??.location;
                Some(Spot {
                    latitude: location.latitude?,
                    longitude: location.longitude?,
                    radius_km: f64::from(location.accuracy_radius.unwrap_or(0)),
                })
            }
        }
    }
}

impl Spot {
    /// The great circle between two places, less what both may be off.
    pub(crate) fn km_to(self, other: Self) -> f64 {
        let (a, b) = (self.latitude.to_radians(), other.latitude.to_radians());
        let (north, east) = ((b - a) / 2.0, (other.longitude - self.longitude).to_radians() / 2.0);
        let part = north.sin().powi(2) + a.cos() * b.cos() * east.sin().powi(2);
        let between = 2.0 * EARTH_KM * part.sqrt().clamp(0.0, 1.0).asin();
        (between - self.radius_km - other.radius_km).max(0.0)
    }

    /// As one number, to be kept with a hit; never 0, which stands for nowhere.
    pub(crate) fn packed(self) -> u64 {
        let steps = |degrees: f64, most: f64| ((degrees + most).clamp(0.0, 2.0 * most) * STEPS).round() as u64;
        let radius = self.radius_km.clamp(0.0, RADIUS_KM).round() as u64;
        1 << 63 | steps(self.latitude, 90.0) << 29 | steps(self.longitude, 180.0) << 10 | radius
    }

    pub(crate) fn unpacked(number: u64) -> Option<Self> {
        let part = |from: u32, bits: u32| ((number >> from) & ((1 << bits) - 1)) as f64;
        (number >> 63 == 1).then(|| Self {
            latitude: part(29, 18) / STEPS - 90.0,
            longitude: part(10, 19) / STEPS - 180.0,
            radius_km: part(0, 10),
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    const BERLIN: Spot = Spot { latitude: 52.52, longitude: 13.405, radius_km: 20.0 };
    const SYDNEY: Spot = Spot { latitude: -33.868, longitude: 151.207, radius_km: 50.0 };

    #[test]
    fn distances_are_those_of_the_globe_less_what_places_may_be_off() {
        let km = BERLIN.km_to(SYDNEY);
        assert!((16_000.0..16_100.0).contains(&km), "{km}");
        assert_eq!(BERLIN.km_to(Spot { latitude: 52.6, ..BERLIN }), 0.0);
        let (west, east) = (Spot { longitude: 179.9, ..SYDNEY }, Spot { longitude: -179.9, ..SYDNEY });
        assert_eq!(west.km_to(east), 0.0, "the date line is no wall");
    }

    #[test]
    fn without_a_database_nothing_is_anywhere() {
        assert_eq!(Geo::Nowhere.place("192.0.2.1"), None);
        let given = Geo::Given(BTreeMap::from([("192.0.2.1".parse().unwrap(), BERLIN)]));
        assert_eq!((given.place("192.0.2.1"), given.place("nowhere")), (Some(BERLIN), None));
    }

    proptest! {
        #[test]
        fn a_place_survives_being_packed(latitude in -90.0..=90.0_f64, longitude in -180.0..=180.0_f64, radius_km in 0.0..2_000.0_f64) {
            let spot = Spot { latitude, longitude, radius_km };
            let again = Spot::unpacked(spot.packed()).unwrap();
            prop_assert!((again.latitude - latitude).abs() < 0.001 && (again.longitude - longitude).abs() < 0.001);
            prop_assert!((again.radius_km - radius_km.min(RADIUS_KM)).abs() <= 0.5);
        }
    }
}
