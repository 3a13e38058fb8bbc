"""The options of MeshCentral's config.json, by section: facts only, no descriptions.

A section is a path with `/` between its steps, `*` for any name and `[]` for the
items of a list. After an option's name stand the JSON types it takes: `s` text (when
nothing is said), `b` boolean, `i` integer, `n` number, `o` object, `a` array. An object
without a section of its own may hold anything. Read in MeshCentral 1.1.58;
`settings/plugins` has two more that its code reads.
"""

from __future__ import annotations

OPTION_NAMES = {
    "": (
        "domaindefaults:o domains:o letsEncrypt:o messaging:o peers:o sendgrid:o sendmail:o "
        "settings:o sms:o smtp:o"
    ),
    "settings": (
        "acebase:o agentAliasDNS agentAliasPort:i agentAllowedIP:as agentBlockedIP:as "
        "agentCoreDump:b agentCoreDumpUsers:a agentIdleTimeout:i agentLogDump:b agentPing:i "
        "agentPong:i agentPort:i agentPortBind agentPortTls:b agentSignLock:b agentsInRam:b "
        "agentTimeStampProxy:bs agentTimeStampServer:bs agentUpdateSystem:i "
        "agentWsCompression:b aliasPort:i allowedFramingOrigins:as allowFraming:b "
        "allowHighQualityDesktop:b allowLoginToken:b amtManager:b amtProvisioningServer:o "
        "amtScanner:b authLog autoBackup:bo browserPing:i browserPong:i cert "
        "certificatePrivateKeyPassword:a cleanNpmCacheOnUpdate:b compression:b cookieEncoding "
        "cookieIpCheck:bs crowdsec:o dbEncryptKey dbExpire:o dbRecordsDecryptKey "
        "dbRecordsEncryptKey debug desktopMultiplex:b exactPorts:b ignoreAgentHashCheck:bs "
        "InterUserMessaging:a ipBlockedUserRedirect keepCerts:b LANonly:b localDiscovery:o "
        "lockAgentDownload:b log maintenanceMode:b manageAllDeviceGroups:a manageCrossDomain:a "
        "mariaDB:o maxInvalid2fa:o maxInvalidLogin:o meshErrorLogPath meshScanner:b mongoDb "
        "mongoDbBulkOperations:b mongoDbChangeStream:b mongoDbName mpsAliasHost mpsAliasPort:i "
        "mpsHighSecurity:b mpsPort:i mpsPortBind mpsTlsOffload:b mySQL:o nice404:b "
        "no2FactorAuth:b noAgentUpdate:i npmPath npmProxy plugins:o port:i portBind postgres:o "
        "prometheus:bn publicPushNotifications:b redirAliasPort:i redirects:o redirPort:i "
        "redirPortBind relayAliasPort:i relayDNS relayPort:i rootCertCommonName "
        "RunOnServerError:b RunOnServerStarted:b RunOnServerUpdated:b selfUpdate:bs sessionKey "
        "sessionSameSite sessionTime:i sqlite3:bos StrictTransportSecurity:bs syslog syslogauth "
        "syslogjson syslogtcp temporaryAgentUpdate:b tlsCiphers:as tlsOffload:bs trustedProxy "
        "useNodeDefaultTLSCiphers:b userAllowedIP:as userBlockedIP:as WANonly:b watchdog:o "
        "webPageLengthRandomization:b webPush:o webRTC:b webrtcConfig:o wsCompression:b"
    ),
    "settings/acebase": "sponsor:b",
    "settings/amtProvisioningServer": "deviceGroup ip newMebxPassword port:n trustedFqdn",
    "settings/autoBackup": (
        "backupHour:i backupIgnoreFilesGlob:a backupIntervalHours:i backupName "
        "backupOtherFolders:b backupPath backupSkipFoldersGlob:a backupWebFolders:b "
        "googleDrive:o keepLastDaysBackup:i mongoDumpArgs mongoDumpPath mysqlDumpPath "
        "pgDumpPath s3:o webDAV:o zipCompression:i zipPassword"
    ),
    "settings/autoBackup/googleDrive": "folderName maxFiles:i",
    "settings/autoBackup/s3": (
        "accessKey bucketName endpoint folderName maxFiles:i port:i secretKey ssl:b"
    ),
    "settings/autoBackup/webDAV": "folderName maxFiles:i password url username",
    "settings/crowdsec": "apiKey fallbackRemediation url",
    "settings/dbExpire": "events:i powerevents:i statsevents:i",
    "settings/localDiscovery": "info key name",
    "settings/mariaDB": "awsrds:b connectionLimit:n database host password port:n ssl:o user",
    "settings/mariaDB/ssl": "caCertPath clientCertPath clientKeyPath dontCheckServerIdentity:b",
    "settings/maxInvalid2fa": "coolofftime:i count:i exclude time:i",
    "settings/maxInvalidLogin": "coolofftime:i count:i exclude time:i",
    "settings/mySQL": "awsrds:b database host password port:n ssl:o user",
    "settings/mySQL/ssl": "caCertPath clientCertPath clientKeyPath dontCheckServerIdentity:b",
    "settings/plugins": "enabled:b list:a proxy",
    "settings/postgres": "createdatabase:b database host password port:n user",
    "settings/sqlite3": (
        "autoVacuum incrementalVacuum:i journalMode journalSize:i name startupVacuum:b"
    ),
    "settings/watchdog": "interval:n timeout:n",
    "settings/webPush": "email",
    "settings/webrtcConfig": "iceServers:a",
    "settings/webrtcConfig/iceServers/[]": "urls",
    "domains/*": (
        "agentAllowedIP:as agentBlockedIP:as agentConfig:a agentCustomization:o agentFileInfo:o "
        "agentInviteCodes:b agentKey:as agentNoProxy:b agentSelfGuestSharing:bo agentTag:o "
        "allowedFramingOrigins:as allowedOrigin:ab allowSavingDeviceCredentials:b "
        "altMessenging:a amtAcmActivation:o amtManager:o amtScanOptions:a "
        "androidCustomization:o assistantConfig:a assistantCustomization:o "
        "assistantTypeAgentInvite:i auth authStrategies:o autoRemoveInactiveDevices:i certUrl "
        "clipboardGet:b clipboardSet:b collapseGroups:b consentMessages:o customFiles:o "
        "customUI:o desktop:o desktopPrivacyBarText deviceMeshRouterLinks:o "
        "deviceSearchBarGroupName:b deviceSearchBarServerAndClientName:b dns duo2factor:o "
        "files:o footer geoLocation:b guestDeviceSharing:bo hide:i hidePowerTimeline:b "
        "httpHeaders:o ipBlockedUserRedirect ipkvm:b ipLocation:b ldapOptions:o "
        "ldapSaveUserToFile ldapSiteAdminGroups:as ldapSyncWithUserGroups:bo ldapUserBinaryKey "
        "ldapUserEmail ldapUserGroups ldapUserImage ldapUserKey ldapUserName "
        "ldapUserPhoneNumber ldapUserRealName ldapUserRequiredGroupMembership:as limits:o "
        "localSessionRecording:b lockAgentDownload:b loginfooter loginKey:as loginPicture "
        "logoutOnIdleSessionTimeout:b manageAllDeviceGroups:a maxDeviceView:i "
        "meshMessengerPicture meshMessengerTitle meshQuota:i minify:b mobileSite:b mstsc:b "
        "myServer:bo newAccountEmailDomains:a newAccounts:b newAccountsCaptcha:b "
        "newAccountsPass newAccountsRights:as newAccountsUserGroups:a nightMode:i "
        "notificationMessages:o novnc:b orphanAgentUser passwordRequirements:o "
        "preConfiguredRemoteInput:a PreconfiguredScripts:a pwaLogo redirects:o rootRedirect "
        "scrollToTop:b sendgrid:o sendmail:o sessionRecording:o showLanguageSelect "
        "showModernUIToggle:b showNotesPanel:b showPasswordLogin:b siteStyle:i smtp:o ssh:b "
        "terminal:o themePack title title2 titlePicture trustedCert:b "
        "twoFactorCookieDurationDays:i unknownUserRootRedirect upninsteadofuser:b "
        "urlSwitching:b userAllowedIP:as userBlockedIP:as userConsentFlags:o userNameIsEmail:b "
        "userQuota:i userRequiredHttpHeader:o userSessionIdleTimeout:i userSessionsSort "
        "webEmailsPath welcomePicture welcomePictureFullScreen:b welcomeText yubikey:o"
    ),
    "domains/*/PreconfiguredScripts/[]": "cmd file name runas type",
    "domains/*/agentCustomization": (
        "backgroundColor companyName description displayName fileName foregroundColor image "
        "installText serviceName"
    ),
    "domains/*/agentFileInfo": (
        "fileDescription fileVersion icon internalName legalCopyright originalFilename "
        "productName productVersion"
    ),
    "domains/*/agentSelfGuestSharing": "expire:n",
    "domains/*/agentTag": "ServerDesc:i ServerName:i ServerTags:i",
    "domains/*/altMessenging/[]": "localurl name type url",
    "domains/*/amtAcmActivation": "certs:o log strictCommonName:b",
    "domains/*/amtAcmActivation/certs/*": "certfiles:a keyfile",
    "domains/*/amtManager": (
        "802.1x:bo AdminAccounts:a EnvironmentDetection:a TlsAcmActivation:b TlsConnections:b "
        "TlsRootCert:o WifiProfiles:a"
    ),
    "domains/*/amtManager/802.1x": (
        "authenticationProtocol:is availableInS0:b domain pacPassword password "
        "protectedAccessCredentialHex pxeTimeoutInSeconds:i roamingIdentity "
        "serverCertificateName serverCertificateNameComparison:is username"
    ),
    "domains/*/amtManager/AdminAccounts/[]": "pass user",
    "domains/*/amtManager/TlsRootCert": "certfile certpfx certpfxpass keyfile",
    "domains/*/amtManager/WifiProfiles/[]": "802.1x:o authentication encryption name password ssid",
    "domains/*/amtManager/WifiProfiles/[]/802.1x": (
        "authenticationProtocol:is availableInS0:b domain pacPassword password "
        "protectedAccessCredentialHex pxeTimeoutInSeconds:i roamingIdentity "
        "serverCertificateName serverCertificateNameComparison:is username"
    ),
    "domains/*/androidCustomization": "image subtitle title",
    "domains/*/assistantCustomization": "fileName image title",
    "domains/*/authStrategies": "azure:o github:o google:o jumpcloud:o oidc:o saml:o twitter:o",
    "domains/*/authStrategies/azure": (
        "callbackurl clientid clientsecret logouturl newAccounts:b newAccountsRights:as "
        "newAccountsUserGroups:a tenantid"
    ),
    "domains/*/authStrategies/github": (
        "authorizationurl callbackurl clientid clientsecret logouturl newAccounts:b "
        "newAccountsRights:as newAccountsUserGroups:a tokenurl useremailurl userprofileurl"
    ),
    "domains/*/authStrategies/google": (
        "callbackurl clientid clientsecret logouturl newAccounts:b newAccountsRights:as "
        "newAccountsUserGroups:a"
    ),
    "domains/*/authStrategies/jumpcloud": (
        "callbackurl cert entityid idpurl logouturl newAccounts:b newAccountsRights:as "
        "newAccountsUserGroups:a"
    ),
    "domains/*/authStrategies/oidc": (
        "authorizationURL callbackURL client:o clientid clientsecret custom:o groups:o "
        "issuer:os logouturl newAccounts:b newAccountsRights:as newAccountsUserGroups:as "
        "options:o scope:as tokenURL userInfoURL"
    ),
    "domains/*/authStrategies/oidc/client": (
        "client_id client_secret default_max_age:n id_token_encrypted_response_alg "
        "id_token_encrypted_response_enc id_token_signed_response_alg "
        "introspection_endpoint_auth_method introspection_endpoint_auth_signing_alg "
        "post_logout_redirect_uri:bs redirect_uri request_object_encryption_alg "
        "request_object_encryption_enc request_object_signing_alg require_auth_time:b "
        "response_types:as revocation_endpoint_auth_method revocation_endpoint_auth_signing_alg "
        "tls_client_certificate_bound_access_tokens:b token_endpoint_auth_method "
        "token_endpoint_auth_signing_alg userinfo_encrypted_response_alg "
        "userinfo_encrypted_response_enc userinfo_signed_response_alg"
    ),
    "domains/*/authStrategies/oidc/custom": (
        "authorities:a buttonIconUrl buttonIconUrl2x buttonText claims:o customer_id preset "
        "scope:as tenant_id"
    ),
    "domains/*/authStrategies/oidc/custom/claims": "email name uuid",
    "domains/*/authStrategies/oidc/groups": (
        "claim recursive:b required:a revokeAdmin:b scope siteadmin:a sync:bo"
    ),
    "domains/*/authStrategies/oidc/groups/sync": "filter:a",
    "domains/*/authStrategies/oidc/issuer": (
        "authorization_endpoint end_session_endpoint introspection_endpoint "
        "introspection_endpoint_auth_methods_supported "
        "introspection_endpoint_auth_signing_alg_values_supported issuer jwks_uri "
        "mtls_endpoint_aliases:o registration_endpoint "
        "request_object_signing_alg_values_supported revocation_endpoint "
        "revocation_endpoint_auth_methods_supported "
        "revocation_endpoint_auth_signing_alg_values_supported token_endpoint "
        "token_endpoint_auth_methods_supported token_endpoint_auth_signing_alg_values_supported "
        "userinfo_endpoint"
    ),
    "domains/*/authStrategies/oidc/issuer/mtls_endpoint_aliases": (
        "introspection_endpoint revocation_endpoint token_endpoint userinfo_endpoint"
    ),
    "domains/*/authStrategies/saml": (
        "callbackurl cert disableRequestedAuthnContext:b entityid idpurl logouturl "
        "newAccounts:b newAccountsRights:as newAccountsUserGroups:a"
    ),
    "domains/*/authStrategies/twitter": (
        "callbackurl clientid clientsecret logouturl newAccounts:b newAccountsRights:as "
        "newAccountsUserGroups:a"
    ),
    "domains/*/consentMessages": (
        "autoAcceptIfDesktopLocked:b autoAcceptIfDesktopNoUser:b autoAcceptIfFileLocked:b "
        "autoAcceptIfFileNoUser:b autoAcceptIfLocked:b autoAcceptIfNoUser:b "
        "autoAcceptIfTerminalLocked:b autoAcceptIfTerminalNoUser:b autoAcceptOnTimeout:b "
        "consentTimeout:i Desktop Files oldStyle:b Terminal Title"
    ),
    "domains/*/customFiles": "example-config:o",
    "domains/*/customFiles/*": "css:a js:a scope:a",
    "domains/*/customFiles/example-config": "css:a js:a scope:a",
    "domains/*/desktop": "disableconnectall:b viewonly:b",
    "domains/*/deviceMeshRouterLinks": "extralinks:a rdp:b scp:b ssh:b",
    "domains/*/deviceMeshRouterLinks/extralinks/[]": "filter:a ip localport:i name port:i protocol",
    "domains/*/duo2factor": "apihostname integrationkey secretkey",
    "domains/*/files": "sftpConnect:b",
    "domains/*/guestDeviceSharing": "maxSessionTime:n",
    "domains/*/ldapSyncWithUserGroups": "filter:as",
    "domains/*/limits": (
        "MaxAgentSessions:i MaxDevices:i MaxSingleUserSessions:i MaxUserAccounts:i "
        "MaxUserSessions:i"
    ),
    "domains/*/myServer": "Backup:b Config:b Console:b ErrorLog:b Restore:b Trace:b Upgrade:b",
    "domains/*/notificationMessages": "Desktop Files Terminal Title",
    "domains/*/passwordRequirements": (
        "allowaccountreset:b autofido2fa:b backupcode2factor:b banCommonPasswords:b "
        "duo2factor:b email2factor:b fidopininput force2factor:b lock2factor:b loginTokens:ab "
        "lower:i max:i maxfidokeys:i min:i msg2factor:b nonalpha:i numeric:i oldPasswordBan:i "
        "otp2factor:b push2factor:b reset:i single2factorWarning:b skip2factor sms2factor:b "
        "twoFactorTimeout:i upper:i"
    ),
    "domains/*/preConfiguredRemoteInput/[]": "name value",
    "domains/*/sendgrid": "apikey emailDelaySeconds:i from verifyemail:b",
    "domains/*/sendmail": "args:a emailDelaySeconds:i newline path",
    "domains/*/sessionRecording": (
        "filepath index:b maxRecordingDays:i maxRecordings:i maxRecordingSizeMegabytes:i "
        "onlySelectedDeviceGroups:b onlySelectedUserGroups:b onlySelectedUsers:b protocols:a"
    ),
    "domains/*/smtp": (
        "auth:o emailDelaySeconds:i from host name pass port:i tls:b tlscertcheck:b tlsstrict:b "
        "user verifyemail:b"
    ),
    "domains/*/smtp/auth": "clientId clientSecret refreshToken type",
    "domains/*/terminal": "launchCommand:o linuxShell sshConnect:b",
    "domains/*/userConsentFlags": (
        "desktopnotify:b desktopprivacybar:b desktopprompt:b filenotify:b fileprompt:b "
        "terminalnotify:b terminalprompt:b"
    ),
    "domains/*/yubikey": "id secret",
    "letsEncrypt": (
        "custom:o email names nochecks:b production:b rsaKeySize:i skipChallengeVerification:b "
        "zerossl:o"
    ),
    "letsEncrypt/custom": "hmackey kid server",
    "letsEncrypt/zerossl": "hmackey kid",
    "messaging": "callmebot:b discord:o ntfy:bo pushover:o slack:b telegram:o xmpp:o zulip:o",
    "messaging/discord": "serverurl token",
    "messaging/ntfy": "authorization host userurl",
    "messaging/pushover": "token",
    "messaging/telegram": "apihash apiid:n connectionRetries:n session useWSS:b",
    "messaging/xmpp": "credentials:o service",
    "messaging/xmpp/credentials": "password username",
    "messaging/zulip": "api_key email site",
    "peers": "serverId servers:o",
    "peers/servers/*": "url",
    "sendgrid": "apikey from verifyemail:b",
    "sendmail": "args:a emailDelaySeconds:i newline path",
    "sms": "provider sid auth from id token apikey url",
    "smtp": (
        "auth:o emailDelaySeconds:i from host name pass port:i tls:b tlscertcheck:b tlsstrict:b "
        "user verifyemail:b"
    ),
    "smtp/auth": "clientId clientSecret refreshToken type",
}
