"""DICOM to display-ready grey: header, stored values, exposed part, display values."""
