/** Certificates that sign themselves, until 2119. They guard nothing. */

/** A certificate and its key. */
export interface Certificate {
  readonly certificate: string;
  readonly key: string;
}

/** Of the name `localhost`. */
export const ofLocalhost: Certificate = {
  certificate: `-----BEGIN CERTIFICATE-----
MIIBljCCATugAwIBAgIUZ46yLPSJ/mCTmRnNCP8dZhyBvkowCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyMTIyNDY1MVoYDzIxMTkxMjI0
MjI0NjUxWjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAAScrs4KoV6XsMyBgNMN3WkOY5qX2u7JDoSBcg/v65swjhAvBSVwxWlo
VDJmh//co5ulWQF00v6f+Syh1mMve+F5o2kwZzAdBgNVHQ4EFgQUOt5lVuw+gJTV
w61FJY9o9JlGX9AwHwYDVR0jBBgwFoAUOt5lVuw+gJTVw61FJY9o9JlGX9AwDwYD
VR0TAQH/BAUwAwEB/zAUBgNVHREEDTALgglsb2NhbGhvc3QwCgYIKoZIzj0EAwID
SQAwRgIhAKfJ0n5u/F152BpIlQrcB7HEFZgieam/hkC/jZL2D/mLAiEAlaNSwwlO
O4onNw4bqUyweCWUwZJhd8REmey8CLLM4nk=
-----END CERTIFICATE-----
`,
  key: `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg+bATMSlX2p+LT0D8
XnsdTpmYPkBTSkdwPOy28teTBVehRANCAAScrs4KoV6XsMyBgNMN3WkOY5qX2u7J
DoSBcg/v65swjhAvBSVwxWloVDJmh//co5ulWQF00v6f+Syh1mMve+F5
-----END PRIVATE KEY-----
`,
};

/** Of the name `elsewhere`. */
export const ofElsewhere: Certificate = {
  certificate: `-----BEGIN CERTIFICATE-----
MIIBlTCCATugAwIBAgIUZjhtODInBcFoXmRFzRdEPyNA4DkwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJZWxzZXdoZXJlMCAXDTI2MTEyMTIyNDY1MVoYDzIxMTkxMjI0
MjI0NjUxWjAUMRIwEAYDVQQDDAllbHNld2hlcmUwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAAS3HBFyreWLov47y7/DoQRpVz3NfKN26s8PRT4yTSTKMMKojv8whQxt
Ig7aJQRPfGhRP6vRS0uwfqCtOVfpRGhFo2kwZzAdBgNVHQ4EFgQUc71M4uykerRH
e3uxflXLTstuSCkwHwYDVR0jBBgwFoAUc71M4uykerRHe3uxflXLTstuSCkwDwYD
VR0TAQH/BAUwAwEB/zAUBgNVHREEDTALggllbHNld2hlcmUwCgYIKoZIzj0EAwID
SAAwRQIgDaYzFWlN+AZV8d5xVuSJm5Njlc1XPM6hkug8mfA3l0gCIQDh/+Hn3pAz
M1jsMcj5JVa8bF1f0cOvOpajVVg7Fj+tyA==
-----END CERTIFICATE-----
`,
  key: `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgqzMvCu6I+CI5Z0tA
mLnKsrbHRr6rUnYFDQ7mtygFos2hRANCAAS3HBFyreWLov47y7/DoQRpVz3NfKN2
6s8PRT4yTSTKMMKojv8whQxtIg7aJQRPfGhRP6vRS0uwfqCtOVfpRGhF
-----END PRIVATE KEY-----
`,
};
