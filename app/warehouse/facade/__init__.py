"""A read-only FHIR R4 server over the own store, for one patient at a time: no HTTP here, `app.web.facade` has that.

    service      what is answered: read, search, $everything, ViewDefinition/$run, metadata
    search       a request understood, strictly: what is not supported is refused by name, never ignored
    parameters   which search parameters there are, by type; match and moments compare them with records
    bundle       answers: searchsets, OperationOutcomes, ETags, and up to when the data was read

Everything asked is asked for one patient (`Reach`); a record that is not shown to be that patient's own is not given,
wherever it was filed. Sources: https://hl7.org/fhir/R4/http.html, https://hl7.org/fhir/R4/search.html
"""
