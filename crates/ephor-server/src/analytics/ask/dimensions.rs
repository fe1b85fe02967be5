//! What each engagement endpoint can be filtered and grouped by, as published, in one table.
//! Promises that a dimension which an endpoint does not have is refused with those that it has.
//! Never checks whether an id exists: an unknown one matches nothing.

use ephor_analytics::query::{Filters, GroupBy, Listing};
use ephor_wire::usage::Surface;

use super::{Known, list, words};
use crate::problem::{Problem, shortened};
use crate::query::Query;

/// A dimension of `filter[]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dimension {
    ArtifactType,
    ConnectorName,
    IsShared,
    PluginName,
    Product,
    ProjectId,
    RbacGroupId,
    ShareStatus,
    SkillName,
    UserId,
}

impl Dimension {
    const fn name(self) -> &'static str {
        match self {
            Self::ArtifactType => "artifact_type",
            Self::ConnectorName => "connector_name",
            Self::IsShared => "is_shared",
            Self::PluginName => "plugin_name",
            Self::Product => "product",
            Self::ProjectId => "project_id",
            Self::RbacGroupId => "rbac_group_id",
            Self::ShareStatus => "share_status",
            Self::SkillName => "skill_name",
            Self::UserId => "user_id",
        }
    }
}

/// What an endpoint can be cut by (analytics_api.md 1.4 and 8).
#[derive(Debug)]
pub(super) struct Cuts {
    filters: &'static [Dimension],
    products: Known<Surface>,
    groups: Known<GroupBy>,
}

const CHAT: (&str, Surface) = ("chat", Surface::Chat);
const CLAUDE_CODE: (&str, Surface) = ("claude_code", Surface::ClaudeCode);
const COWORK: (&str, Surface) = ("cowork", Surface::Cowork);
const OFFICE: (&str, Surface) = ("office_agent", Surface::Office);

const BY_PRODUCT: (&str, GroupBy) = ("product", GroupBy::Product);
const BY_GROUP: (&str, GroupBy) = ("rbac_group_id", GroupBy::RbacGroup);
const BY_USER: (&str, GroupBy) = ("user_id", GroupBy::User);

/// The table.
pub(super) const fn cuts(listing: Listing) -> Cuts {
    use Dimension as D;
    const NAMED: Known<Surface> = &[CHAT, CLAUDE_CODE, COWORK, OFFICE];
    const ALL: Known<GroupBy> = &[BY_PRODUCT, BY_GROUP, BY_USER];
    match listing {
        Listing::Users => {
            Cuts { filters: &[D::ProjectId, D::RbacGroupId, D::UserId], products: &[], groups: &[BY_GROUP] }
        }
        Listing::Projects => {
            Cuts { filters: &[D::ProjectId, D::RbacGroupId, D::UserId], products: &[], groups: &[BY_GROUP, BY_USER] }
        }
        Listing::Skills => Cuts {
            filters: &[D::Product, D::RbacGroupId, D::ShareStatus, D::SkillName, D::UserId],
            products: NAMED,
            groups: ALL,
        },
        Listing::Connectors => {
            Cuts { filters: &[D::ConnectorName, D::Product, D::RbacGroupId, D::UserId], products: NAMED, groups: ALL }
        }
        Listing::Plugins => Cuts {
            filters: &[D::PluginName, D::Product, D::RbacGroupId, D::UserId],
            products: &[CLAUDE_CODE, COWORK],
            groups: ALL,
        },
        Listing::Artifacts => Cuts {
            filters: &[D::ArtifactType, D::IsShared, D::Product, D::RbacGroupId, D::UserId],
            products: &[CHAT, CLAUDE_CODE, COWORK],
            groups: ALL,
        },
    }
}

/// `filter[]` and `group_by[]` of an endpoint, and whether they go together.
pub(super) fn read(query: &Query, listing: Listing) -> Result<(Filters, Vec<GroupBy>), Problem> {
    let cuts = cuts(listing);
    let filters = filters(query, cuts.filters, cuts.products)?;
    let group_by = words(query, "group_by", cuts.groups)?;
    // As published: a row narrowed to a project is one member's, and no group's.
    if listing == Listing::Users && !filters.project_ids.is_empty() {
        if !group_by.is_empty() {
            return Err(Problem::invalid("filter[]: project_id does not go together with group_by[] on this endpoint"));
        }
        if !filters.rbac_group_ids.is_empty() {
            return Err(Problem::invalid("filter[]: project_id and rbac_group_id exclude each other on this endpoint"));
        }
    }
    Ok((filters, group_by))
}

/// `filter[]=dimension:value`.
pub(super) fn filters(query: &Query, dimensions: &[Dimension], products: Known<Surface>) -> Result<Filters, Problem> {
    let mut filters = Filters::default();
    for entry in list(query, "filter")? {
        let pair = entry.split_once(':').filter(|(_, value)| !value.is_empty());
        let (name, value) = pair.ok_or_else(|| {
            Problem::invalid(format!("filter[]: `{}` is not written as dimension:value", shortened(&entry)))
        })?;
        let dimension = dimensions.iter().find(|dimension| dimension.name() == name);
        let dimension = dimension.ok_or_else(|| unsupported(name, dimensions))?;
        add(&mut filters, *dimension, value, products)?;
    }
    Ok(filters)
}

fn unsupported(name: &str, dimensions: &[Dimension]) -> Problem {
    let names: Vec<&str> = dimensions.iter().map(|dimension| dimension.name()).collect();
    let (name, names) = (shortened(name), names.join(", "));
    Problem::invalid(format!("filter[]: the dimension `{name}` is not supported here; there are {names}"))
}

fn add(filters: &mut Filters, dimension: Dimension, value: &str, products: Known<Surface>) -> Result<(), Problem> {
    let one_of = |words: &[&str]| {
        let (name, value, words) = (dimension.name(), shortened(value), words.join(", "));
        Problem::invalid(format!("filter[]: {name} is one of {words}, not `{value}`"))
    };
    match dimension {
        Dimension::ProjectId => once(&mut filters.project_ids, value.to_owned()),
        Dimension::UserId => once(&mut filters.user_ids, value.to_owned()),
        Dimension::RbacGroupId => once(&mut filters.rbac_group_ids, value.to_owned()),
        Dimension::SkillName => once(&mut filters.skill_names, value.to_owned()),
        Dimension::ConnectorName => once(&mut filters.connector_names, value.to_owned()),
        Dimension::PluginName => once(&mut filters.plugin_names, value.to_owned()),
        Dimension::ArtifactType => once(&mut filters.artifact_types, value.to_owned()),
        Dimension::ShareStatus => {
            const STATUSES: &[&str] = &["organization", "private", "public"];
            let known = STATUSES.iter().find(|status| **status == value).ok_or_else(|| one_of(STATUSES))?;
            once(&mut filters.share_statuses, (*known).to_owned());
        }
        Dimension::IsShared => {
            let shared = value.parse().map_err(|_| one_of(&["true", "false"]))?;
            once(&mut filters.is_shared, shared);
        }
        Dimension::Product => {
            let names: Vec<&str> = products.iter().map(|(name, _)| *name).collect();
            let known = products.iter().find(|(name, _)| *name == value).ok_or_else(|| one_of(&names))?;
            once(&mut filters.surfaces, known.1);
        }
    }
    Ok(())
}

fn once<T: PartialEq>(values: &mut Vec<T>, value: T) {
    if !values.contains(&value) {
        values.push(value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(listing: Listing, text: &str) -> String {
        match read(&Query::parse(text), listing) {
            Ok((filters, groups)) => {
                let shown = format!("{filters:?}");
                let set: Vec<&str> = shown.split(", ").filter(|field| !field.contains("[]")).collect();
                format!("{} by {groups:?}", set.join(", "))
            }
            Err(problem) => problem.message,
        }
    }

    #[test]
    fn every_endpoint_has_its_own_dimensions() {
        let all = [
            Listing::Users,
            Listing::Projects,
            Listing::Skills,
            Listing::Connectors,
            Listing::Plugins,
            Listing::Artifacts,
        ];
        let mut lines = Vec::new();
        for listing in all {
            lines.push(format!("{listing:?}: {}", told(listing, "filter[]=colour:red")));
            lines.push(format!("{listing:?}: {}", told(listing, "group_by[]=colour")));
        }
        insta::assert_snapshot!(lines.join("\n"), @"
        Users: filter[]: the dimension `colour` is not supported here; there are project_id, rbac_group_id, user_id
        Users: group_by[]: `colour` is not supported here; there are rbac_group_id
        Projects: filter[]: the dimension `colour` is not supported here; there are project_id, rbac_group_id, user_id
        Projects: group_by[]: `colour` is not supported here; there are rbac_group_id, user_id
        Skills: filter[]: the dimension `colour` is not supported here; there are product, rbac_group_id, share_status, skill_name, user_id
        Skills: group_by[]: `colour` is not supported here; there are product, rbac_group_id, user_id
        Connectors: filter[]: the dimension `colour` is not supported here; there are connector_name, product, rbac_group_id, user_id
        Connectors: group_by[]: `colour` is not supported here; there are product, rbac_group_id, user_id
        Plugins: filter[]: the dimension `colour` is not supported here; there are plugin_name, product, rbac_group_id, user_id
        Plugins: group_by[]: `colour` is not supported here; there are product, rbac_group_id, user_id
        Artifacts: filter[]: the dimension `colour` is not supported here; there are artifact_type, is_shared, product, rbac_group_id, user_id
        Artifacts: group_by[]: `colour` is not supported here; there are product, rbac_group_id, user_id
        ");
    }

    #[test]
    fn filters_are_pairs_and_say_what_they_take() {
        let questions = [
            (Listing::Users, "filter[]=project_id:claude_proj_1&filter[]=user_id:user_1&filter[]=user_id:user_2"),
            (Listing::Users, "filter[]=project_id:claude_proj_1&group_by[]=rbac_group_id"),
            (Listing::Users, "filter[]=project_id:claude_proj_1&filter[]=rbac_group_id:rbac_group_1"),
            (Listing::Users, "filter[]=rbac_group_id:rbac_group_1&group_by[]=rbac_group_id&group_by[]=rbac_group_id"),
            (Listing::Users, "filter[]=product:chat"),
            (Listing::Projects, "filter[]=project_id:claude_proj_1&group_by[]=user_id&group_by[]=rbac_group_id"),
            (Listing::Projects, "group_by[]=product"),
            (Listing::Skills, "filter[]=product:office_agent&filter[]=share_status:public&filter[]=skill_name:a:b"),
            (Listing::Skills, "filter[]=product:chat_cowork_unified"),
            (Listing::Skills, "filter[]=share_status:secret"),
            (Listing::Connectors, "filter[]=connector_name:GitHub%20MCP&group_by[]=product&group_by[]=user_id"),
            (Listing::Plugins, "filter[]=product:cowork&filter[]=plugin_name:lint-kit"),
            (Listing::Plugins, "filter[]=product:chat"),
            (
                Listing::Artifacts,
                "filter[]=artifact_type:text/markdown&filter[]=is_shared:true&filter[]=is_shared:true",
            ),
            (Listing::Artifacts, "filter[]=is_shared:maybe"),
            (Listing::Artifacts, "filter[]=product:office_agent"),
            (Listing::Artifacts, "filter[]=is_shared"),
            (Listing::Artifacts, "filter[]=is_shared:"),
        ];
        let lines: Vec<String> =
            questions.iter().map(|(listing, text)| format!("{listing:?} {text}\n  {}", told(*listing, text))).collect();
        insta::assert_snapshot!(lines.join("\n"), @r#"
        Users filter[]=project_id:claude_proj_1&filter[]=user_id:user_1&filter[]=user_id:user_2
          Filters { project_ids: ["claude_proj_1"], user_ids: ["user_1", "user_2"] by []
        Users filter[]=project_id:claude_proj_1&group_by[]=rbac_group_id
          filter[]: project_id does not go together with group_by[] on this endpoint
        Users filter[]=project_id:claude_proj_1&filter[]=rbac_group_id:rbac_group_1
          filter[]: project_id and rbac_group_id exclude each other on this endpoint
        Users filter[]=rbac_group_id:rbac_group_1&group_by[]=rbac_group_id&group_by[]=rbac_group_id
          rbac_group_ids: ["rbac_group_1"] by [RbacGroup]
        Users filter[]=product:chat
          filter[]: the dimension `product` is not supported here; there are project_id, rbac_group_id, user_id
        Projects filter[]=project_id:claude_proj_1&group_by[]=user_id&group_by[]=rbac_group_id
          Filters { project_ids: ["claude_proj_1"] by [User, RbacGroup]
        Projects group_by[]=product
          group_by[]: `product` is not supported here; there are rbac_group_id, user_id
        Skills filter[]=product:office_agent&filter[]=share_status:public&filter[]=skill_name:a:b
          surfaces: [Office], share_statuses: ["public"], skill_names: ["a:b"] by []
        Skills filter[]=product:chat_cowork_unified
          filter[]: product is one of chat, claude_code, cowork, office_agent, not `chat_cowork_unified`
        Skills filter[]=share_status:secret
          filter[]: share_status is one of organization, private, public, not `secret`
        Connectors filter[]=connector_name:GitHub%20MCP&group_by[]=product&group_by[]=user_id
          connector_names: ["GitHub MCP"] by [Product, User]
        Plugins filter[]=product:cowork&filter[]=plugin_name:lint-kit
          surfaces: [Cowork], plugin_names: ["lint-kit"] by []
        Plugins filter[]=product:chat
          filter[]: product is one of claude_code, cowork, not `chat`
        Artifacts filter[]=artifact_type:text/markdown&filter[]=is_shared:true&filter[]=is_shared:true
          artifact_types: ["text/markdown"], is_shared: [true] } by []
        Artifacts filter[]=is_shared:maybe
          filter[]: is_shared is one of true, false, not `maybe`
        Artifacts filter[]=product:office_agent
          filter[]: product is one of chat, claude_code, cowork, not `office_agent`
        Artifacts filter[]=is_shared
          filter[]: `is_shared` is not written as dimension:value
        Artifacts filter[]=is_shared:
          filter[]: `is_shared:` is not written as dimension:value
        "#);
    }
}
