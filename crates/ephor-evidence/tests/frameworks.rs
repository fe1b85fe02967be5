//! The frameworks that Ephor carries, against the table of the document that Ephor was founded on, and their pages.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise, with the place")]

use std::path::Path;

use ephor_evidence::{Frameworks, Grade, Source, framework_page, framework_schema};

/// The rows of the founding table, as they stand there: the grade's word and its reason run into each other.
const FOUNDING: &str = include_str!("founding_grades.md");

/// Begin of a row's name → framework; and what "Yes" of the table is in our words.
const ROWS: [(&str, &str); 5] = [
    ("SOC 2 Type II", "soc2"),
    ("EU AI Act", "eu-ai-act"),
    ("NIS2", "nis2"),
    ("PCI-DSS", "pci-dss"),
    ("ISO 27001", "iso27001"),
];

fn grade(cell: &str) -> Grade {
    let words = [("Yes", Grade::Full), ("Partial", Grade::Partial), ("No", Grade::None)];
    words.into_iter().find(|(word, _)| cell.starts_with(word)).map(|(_, grade)| grade).unwrap()
}

#[test]
fn the_grades_are_those_of_the_founding_table_line_by_line() {
    let frameworks = Frameworks::carried().unwrap();
    let lines: Vec<&str> = FOUNDING.lines().skip(2).collect();
    assert_eq!(lines.len(), ROWS.len());
    for (line, (begin, id)) in lines.iter().zip(ROWS) {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        assert!(cells[0].starts_with(begin), "{line}");
        let framework = frameworks.find(id).unwrap();
        for (source, cell) in Source::ALL.into_iter().zip(&cells[1..]) {
            assert_eq!(framework.grades.of(source).grade, grade(cell), "{id}, {}: {line}", source.title());
        }
    }
}

#[test]
fn no_control_is_graded_above_its_framework_and_each_says_why() {
    for framework in Frameworks::carried().unwrap().iter() {
        for control in &framework.controls {
            for source in Source::ALL {
                let grading = control.grades.of(source);
                assert!(grading.grade <= framework.grades.of(source).grade, "{} {}", framework.id, control.id);
                assert!(grading.reason.len() > 15, "{} {}: {}", framework.id, control.id, grading.reason);
            }
        }
    }
}

#[test]
fn a_framework_of_ones_own_is_read_and_a_wrong_one_names_every_mistake() {
    let folder = tempfile::tempdir().unwrap();
    let grading =
        "{ analytics: { grade: none, reason: Counts only. }, compliance: { grade: GRADE, reason: The feed tells. } }";
    let file = |grade: &str, evidence: &str| {
        format!(
            "id: house\ntitle: House rules\npublisher: us\nversion: '1'\nlink: https://example.com\nabout: ours\n\
             grades: {0}\ncontrols:\n  - {{ id: H 1, title: a, asks: b, grades: {0}, evidence: [{evidence}], tests: [look] }}\n",
            grading.replace("GRADE", grade)
        )
    };
    let path = folder.path().join("house.yaml");
    std::fs::write(&path, file("full", "sign-ins")).unwrap();
    let all = Frameworks::with_folder(folder.path()).unwrap();
    assert_eq!(all.find("house").unwrap().controls[0].folder(), "h-1");
    assert_eq!(all.iter().count(), 6);
    std::fs::write(&path, file("full", "use-by-day, nothing-known")).unwrap();
    let told = Frameworks::with_folder(folder.path()).unwrap_err().to_string();
    for mistake in [
        "there is no evidence `nothing-known`",
        "grades.analytics: none, and evidence",
        "rests on no evidence from compliance",
    ] {
        assert!(told.contains(mistake), "{told}");
    }
    assert!(framework_schema()["properties"]["controls"].is_object());
}

/// With `EPHOR_WRITE_PAGES` in the environment the pages are written instead.
#[test]
fn the_page_of_each_framework_says_what_its_file_says() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
    let frameworks = Frameworks::carried().unwrap();
    for framework in frameworks.iter() {
        let path = docs.join(format!("evidence-{}.md", framework.id));
        let page = framework_page(framework, &frameworks.evidence_of(framework));
        if std::env::var_os("EPHOR_WRITE_PAGES").is_some() {
            std::fs::write(&path, page).unwrap();
        } else {
            let held = std::fs::read_to_string(&path).unwrap_or_default();
            assert!(
                held == page,
                "{} is not what controls/ says: run this test with EPHOR_WRITE_PAGES=1",
                path.display()
            );
        }
    }
}
