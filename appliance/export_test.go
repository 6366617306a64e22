package appliance

// WebCertificate is webCertificate, for tests.
var WebCertificate = webCertificate
