"""DICOM to display-ready gray: header, stored values, exposed part, display values."""
