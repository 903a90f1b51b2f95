"""Build the sandbox's charts: the recorded step that made `sandbox/charts`.

Neither the app nor the sandbox server imports this package. `marlena`, the `unusual` patients, `child`, `newborn` and
`messy` are written by hand; `typical` and `large` come from the command of PySynthea, `stay-kidney` and `stay-heart`
from clinosim's, which are installed apart (`requirements-charts.txt`). The same command with the same pinned version writes the same bytes.

    python -m sandbox.generate typical|large|marlena|unusual|child|messy|newborn|stays|all [--synthea PATH] [--clinosim PATH]

Sixty questions that clinicians ask, and the chart that holds what FHIR usually exposes of each:

    Hospitalist  1 overnight, 2 course by problem, 3 baseline creatinine and kidney injury, 4 antibiotics and cultures,
                 6 enoxaparin given, 7 code status, 8 pending, 9 lines, 10 home and inpatient medicines,
                 11 cardiology's advice, 12 discharge summary                               messy
                 2, 4, 12 again, of a stay that has ended                                    stay-kidney, stay-heart
                 5 intake and output                  stay-kidney, stay-heart (24-hour totals); in messy weights only
    Emergency    13 echocardiogram, 14 earlier chest pain, 16 contrast, eGFR and metformin, 17 tetanus,
                 19 HEART score, 20 outside record                                          messy
                 15 anticoagulated                                           marlena (apixaban), messy (stopped in 2024)
                 18 controlled substances elsewhere                                         no chart: say so
    Primary care 21 since my last visit                                                     marlena
                 22 overdue, 24 statin stopped, 25 home pressures, 26 colonoscopy, 27 PHQ-9 and GAD-7,
                 29 referrals, 30 Spanish, 31 abnormal and not acted on, 32 family history, 33 coverage   messy
                 23 A1c beside medicines, 28 cardiovascular risk                            marlena, messy
    Oncology     34 stage and biomarkers, 35 cycles and sums of doses, 36 nadirs and transfusions, 37 two CT reports,
                 38 immune toxicity, 39 ECOG, 40 trials (decline)                           messy
    Paediatrics  41 growth, 42 vaccines, 43 amoxicillin by weight, 47 asthma visits and steroids   child
                 44 bilirubin by the hour, 46 birth and newborn screen                      newborn
                 45 confidential                                             special/adolescent, special/restricted
    Pharmacy     48 renal adjustment, 49 interactions (decline), 50 INR and dose, 51 morphine equivalents,
                 52 vancomycin levels, 53 penicillin and cephalosporins                     messy
                 54 adherence                                     messy (statements); this EHR gives no fills: say so
    Nursing      55 pain before and after, 56 falls and isolation, 57 diet and tube feeding, 58 SBAR,
                 59 care team, 60 NEWS2                                                     messy
"""
