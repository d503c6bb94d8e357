"""Phantoms: drawn frontal chest films with a known finding, for trying the chain without patients' data.

anatomy (a patient) -> body (attenuation on the film's frame) -> findings -> film (one imaging system's
picture) -> dicom_file; cohort plans which film is what, build writes the folder.
"""
