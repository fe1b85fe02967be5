//! The package in the words of OSCAL 1.1.2: what was looked at (assessment-results) and what serves which control
//! (component-definition).
//! Promises identifiers that depend on the package's terms alone, and a link with its hash for every file that it names.
//! Never says that a control works: only whether evidence of it is held.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use uuid::Uuid;

use super::completeness::{Test, TestResult};
use super::queries::Query;
use super::staging::{FileEntry, Staging};
use super::terms::Terms;
use crate::coverage::{ControlCoverage, Coverage, Status};
use crate::error::EvidenceError;
use crate::framework::{Control, Framework, Source};

const OSCAL_VERSION: &str = "1.1.2";

/// The namespace of properties that OSCAL does not define.
const NAMESPACE: &str = "https://github.com/ephor/ephor/ns/oscal";

/// Writes both documents.
pub(crate) fn write(
    framework: &Framework,
    covered: &Coverage,
    terms: &Terms,
    (queries, tests): (&[Query], &[Test]),
    staging: &mut Staging,
) -> Result<(), EvidenceError> {
    let files: BTreeMap<String, FileEntry> = staging.files().map(|file| (file.path.clone(), file.clone())).collect();
    let writing = Writing { framework, covered, terms, queries, tests, files };
    staging.add_json("oscal/assessment-results.json", "OSCAL assessment results", &writing.results())?;
    staging.add_json("oscal/component-definition.json", "OSCAL component definition", &writing.component())
}

struct Writing<'a> {
    framework: &'a Framework,
    covered: &'a Coverage,
    terms: &'a Terms,
    queries: &'a [Query],
    tests: &'a [Test],
    files: BTreeMap<String, FileEntry>,
}

impl Writing<'_> {
    /// The same package has the same identifiers, another one has others.
    fn id(&self, of: &str) -> String {
        let terms = self.terms;
        let name = format!(
            "{}\n{}\n{}\n{}\n{}\n{of}",
            terms.checkpoint.root, terms.framework_sha256, terms.period, terms.built_at, terms.seed
        );
        Uuid::new_v5(&Uuid::NAMESPACE_URL, name.as_bytes()).to_string()
    }

    fn metadata(&self, title: &str) -> Value {
        json!({
            "title": format!("{title}: {}, {}", self.covered.title, self.terms.period),
            "last-modified": self.terms.built_at,
            "version": self.terms.built_at,
            "oscal-version": OSCAL_VERSION,
        })
    }

    fn results(&self) -> Value {
        let controls = self.covered.controls.iter();
        let selected: Vec<Value> = controls.clone().map(|one| json!({ "control-id": self.control_id(one) })).collect();
        let observations: Vec<Value> = controls
            .clone()
            .map(|one| self.observation(one))
            .chain(self.tests.iter().map(|test| self.tested(test)))
            .collect();
        let findings: Vec<Value> = controls.map(|one| self.finding(one)).collect();
        json!({ "assessment-results": {
            "uuid": self.id("assessment-results"),
            "metadata": self.metadata("Evidence"),
            "import-ap": {
                "href": format!("#{}", self.id("framework.yaml")),
                "remarks": "The plan is the framework's file: it says which evidence serves each control and how it is tested.",
            },
            "results": [{
                "uuid": self.id("result"),
                "title": format!("{} from {} to {}", self.covered.title, self.terms.period.first_day(), self.terms.period.last_day()),
                "description": "What the record of Claude's use holds for each control in the period. Whether a control worked is for the auditor to say.",
                "start": self.terms.period.begin_text(),
                "end": self.terms.period.end_text(),
                "reviewed-controls": { "control-selections": [{ "include-controls": selected }] },
                "observations": observations,
                "findings": findings,
            }],
            "back-matter": { "resources": self.resources() },
        } })
    }

    fn observation(&self, control: &ControlCoverage) -> Value {
        let evidence = control.evidence.iter().filter_map(|one| {
            let query = self.queries.iter().find(|query| query.evidence == one.id)?;
            let file = query.file.as_ref()?;
            Some(json!({
                "href": format!("#{}", self.id(file)),
                "description": format!("{}: {} rows. {}", query.title, query.rows, query.shows),
            }))
        });
        let evidence: Vec<Value> = evidence.collect();
        let sources = Source::ALL.map(|source| {
            let one = control.sources.of(source);
            prop(&format!("{}-held", source.as_str()), one.held.as_str(), &one.reason)
        });
        let mut told = json!({
            "uuid": self.id(&format!("observation {}", control.id)),
            "title": format!("{} {}", control.id, control.title),
            "description": control.asks,
            "props": sources,
            "methods": ["EXAMINE"],
            "collected": self.terms.built_at,
        });
        if !evidence.is_empty() {
            told["relevant-evidence"] = Value::from(evidence);
        }
        told
    }

    fn tested(&self, test: &Test) -> Value {
        let result = match test.result {
            TestResult::Passed => "passed",
            TestResult::Failed => "failed",
            TestResult::NotApplicable => "not-applicable",
        };
        json!({
            "uuid": self.id(&format!("test {}", test.id)),
            "title": test.asks,
            "description": format!("{} {}", test.how, test.says),
            "props": [prop("result", result, &test.says)],
            "methods": ["TEST"],
            "types": ["control-objective"],
            "collected": self.terms.built_at,
        })
    }

    fn finding(&self, control: &ControlCoverage) -> Value {
        let (state, says) = match control.status {
            Status::Covered => ("satisfied", "Everything that the sources can give is held for the period."),
            Status::Partial => ("not-satisfied", "Part of what the sources can give is held for the period."),
            Status::Gap => ("not-satisfied", "Nothing is held for the period."),
        };
        json!({
            "uuid": self.id(&format!("finding {}", control.id)),
            "title": format!("Evidence of {}", control.id),
            "description": says,
            "target": {
                "type": "objective-id",
                "target-id": self.control_id(control),
                "status": {
                    "state": state,
                    "reason": "other",
                    "remarks": "Says whether evidence is held, not whether the control worked.",
                },
            },
            "related-observations": [{ "observation-uuid": self.id(&format!("observation {}", control.id)) }],
        })
    }

    fn component(&self) -> Value {
        let source = format!("#{}", self.id("framework.yaml"));
        let requirements: Vec<Value> = self
            .covered
            .controls
            .iter()
            .map(|control| {
                let possible = Source::ALL.map(|source| {
                    let name = format!("{}-possible", source.as_str());
                    prop(&name, control.sources.of(source).possible.as_str(), &control.sources.of(source).reason)
                });
                json!({
                    "uuid": self.id(&format!("requirement {}", control.id)),
                    "control-id": self.control_id(control),
                    "description": format!("{} Served by: {}.", control.asks, list(control)),
                    "props": possible,
                })
            })
            .collect();
        json!({ "component-definition": {
            "uuid": self.id("component-definition"),
            "metadata": self.metadata("What Ephor shows"),
            "components": [{
                "uuid": self.id("component"),
                "type": "software",
                "title": "Ephor",
                "description": "Keeps the audit trail of an organization's use of Claude in a signed, append-only log, and shows from it what serves the controls of a framework.",
                "props": [{ "name": "version", "value": self.terms.ephor }],
                "control-implementations": [{
                    "uuid": self.id("implementation"),
                    "source": source,
                    "description": format!("{}, {}", self.framework.title, self.framework.version),
                    "implemented-requirements": requirements,
                }],
            }],
            "back-matter": { "resources": [self.resource("framework.yaml")] },
        } })
    }

    /// Evidence, samples and the plan, each with its hash; the paths lead from this document's folder.
    fn resources(&self) -> Vec<Value> {
        let wanted = |path: &&String| {
            path.starts_with("evidence/")
                || path.starts_with("samples/")
                || ["framework.yaml", "log/checkpoint"].contains(&path.as_str())
        };
        self.files.keys().filter(wanted).map(|path| self.resource(path)).collect()
    }

    fn resource(&self, path: &str) -> Value {
        let file = self.files.get(path);
        let kind = match path.rsplit('.').next() {
            Some("csv") => "text/csv",
            Some("yaml") => "application/yaml",
            _ => "text/plain",
        };
        json!({
            "uuid": self.id(path),
            "title": path,
            "description": file.map_or_else(String::new, |file| file.is.clone()),
            "rlinks": [{
                "href": format!("../{path}"),
                "media-type": kind,
                "hashes": file.map(|file| vec![json!({ "algorithm": "SHA-256", "value": file.sha256 })]).unwrap_or_default(),
            }],
        })
    }

    /// OSCAL's tokens begin with a letter and know no brackets.
    fn control_id(&self, control: &ControlCoverage) -> String {
        let found = self.framework.controls.iter().find(|other| other.id == control.id);
        format!("{}_{}", self.framework.id, found.map(Control::folder).unwrap_or_default())
    }
}

fn prop(name: &str, value: &str, remarks: &str) -> Value {
    json!({ "name": name, "ns": NAMESPACE, "value": value, "remarks": remarks })
}

fn list(control: &ControlCoverage) -> String {
    control.evidence.iter().map(|one| one.title.as_str()).collect::<Vec<_>>().join(", ")
}
