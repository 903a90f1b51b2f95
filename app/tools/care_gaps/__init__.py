"""The patient's own care gaps: each rule of `app.fhir.measures` held against the chart."""
