"""Phantoms: drawn frontal chest images with a known finding, for trying the chain without patients' data.

anatomy (a patient) -> body (attenuation on the image's frame) -> findings -> radiograph (one imaging
system's image) -> dicom_file; cohort plans which image is what, build writes the folder.
"""
