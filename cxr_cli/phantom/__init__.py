"""Phantoms: drawn frontal chest images with a known finding, for trying the chain without patients' data.

anatomy (a patient) -> body (attenuation on the image's frame) -> findings -> image (one imaging system's
picture) -> dicom_file; cohort plans which image is what, build writes the folder.
"""
