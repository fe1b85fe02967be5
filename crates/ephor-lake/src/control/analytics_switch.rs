//! Whether the Analytics API answers: a switch of the primary owner, kept as a setting with its history.
//! Off until it is switched on; each change commits together with its own published activity.
//! Never stops usage from being taken in: the switch is about who may read.

use ephor_wire::actor::Actor;
use rand::CryptoRng;
use serde_json::{Value, json};
use sqlx::{Row, SqliteExecutor};

use super::activities::{self, Deed};
use super::members::{self, Role};
use super::settings::{self, SettingRevision};
use super::{Control, ControlError};

/// The setting that holds the switch.
pub(super) const SETTING: &str = "analytics_api_enabled";

/// Whether the Analytics API answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnalyticsAccess {
    /// Every request is refused.
    Off,
    /// Keys with the scope are answered.
    On,
}

/// The switch of the Analytics API of a [`Control`].
#[derive(Debug, Clone, Copy)]
pub struct AnalyticsSwitch<'c> {
    pub(super) control: &'c Control,
}

impl AnalyticsSwitch<'_> {
    /// How it stands now.
    pub async fn state(&self) -> Result<AnalyticsAccess, ControlError> {
        position(&self.control.pool).await
    }

    /// Switches it; only the primary owner may. The position that it has already changes nothing and is not told.
    pub async fn turn(
        &self,
        wanted: AnalyticsAccess,
        by: &Actor,
        now_micros: i64,
        rng: &mut impl CryptoRng,
    ) -> Result<(), ControlError> {
        let mut turn = self.control.write().await?;
        let action = match wanted {
            AnalyticsAccess::On => "switch the Analytics API on",
            AnalyticsAccess::Off => "switch the Analytics API off",
        };
        members::require(turn.connection(), by, Role::PrimaryOwner, action).await?;
        let previous = position(turn.connection()).await?;
        if previous == wanted {
            return Ok(());
        }
        let changed_by = activities::name_of(by);
        settings::store(turn.connection(), SETTING, Some(&wanted.value()), &changed_by, now_micros).await?;
        let deed = Deed::AnalyticsSwitched { previous: previous == AnalyticsAccess::On };
        activities::tell(turn.connection(), deed, by, now_micros, rng).await?;
        turn.commit().await
    }

    /// Every change, the first one first.
    pub async fn history(&self) -> Result<Vec<SettingRevision>, ControlError> {
        self.control.settings().history(SETTING).await
    }
}

impl AnalyticsAccess {
    /// Anything but a plain `true` is off: a switch that cannot be read must not open a door.
    pub(super) fn read(value: Option<&str>) -> Self {
        if value == Some("true") { Self::On } else { Self::Off }
    }

    fn value(self) -> Value {
        json!(self == Self::On)
    }

    /// The word for it in lists.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::On => "on",
            Self::Off => "off",
        }
    }
}

async fn position<'e>(database: impl SqliteExecutor<'e>) -> Result<AnalyticsAccess, ControlError> {
    let query = sqlx::query("SELECT value FROM settings WHERE name = $1").bind(SETTING);
    let row = query.fetch_optional(database).await?;
    let value: Option<String> = row.map(|row| row.try_get("value")).transpose()?;
    Ok(AnalyticsAccess::read(value.as_deref()))
}
