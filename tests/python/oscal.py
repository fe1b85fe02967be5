"""Reads a package's OSCAL documents with compliance-trestle, which refuses what the schema does not allow."""

import sys
from pathlib import Path

from trestle.oscal.assessment_results import AssessmentResults
from trestle.oscal.component import ComponentDefinition

folder = Path(sys.argv[1])
results = AssessmentResults.oscal_read(folder / "assessment-results.json")
component = ComponentDefinition.oscal_read(folder / "component-definition.json")
result = results.results[0]
assert len(result.findings) >= 1 and len(result.observations) > len(result.findings)
known = {observation.uuid for observation in result.observations}
for finding in result.findings:
    assert all(related.observation_uuid in known for related in finding.related_observations)
resources = {resource.uuid for resource in results.back_matter.resources}
for observation in result.observations:
    for evidence in observation.relevant_evidence or []:
        assert evidence.href.removeprefix("#") in resources, evidence.href
for resource in results.back_matter.resources:
    assert (folder / resource.rlinks[0].href).is_file(), resource.rlinks[0].href
requirements = component.components[0].control_implementations[0].implemented_requirements
selected = result.reviewed_controls.control_selections[0].include_controls
assert [one.control_id for one in requirements] == [one.control_id for one in selected]
