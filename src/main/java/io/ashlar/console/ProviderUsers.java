package io.ashlar.console;

import io.ashlar.access.Actor;
import io.ashlar.audit.AuditLog;
import io.ashlar.audit.Change;
import io.ashlar.identity.Member;
import io.ashlar.identity.Members;
import io.ashlar.identity.SignInProviders;
import io.ashlar.identity.Tenants;
import java.util.Map;
import org.springframework.security.oauth2.client.oidc.userinfo.OidcUserRequest;
import org.springframework.security.oauth2.client.oidc.userinfo.OidcUserService;
import org.springframework.security.oauth2.client.userinfo.OAuth2UserService;
import org.springframework.security.oauth2.core.OAuth2AuthenticationException;
import org.springframework.security.oauth2.core.OAuth2Error;
import org.springframework.security.oauth2.core.oidc.user.OidcUser;

/** Makes members of those who come from a provider: at their first sign-in, and as their claims say at each. */
final class ProviderUsers implements OAuth2UserService<OidcUserRequest, OidcUser> {
    /** Error codes that the sign-in page knows. */
    static final String NO_ROLE = "no-role";

    static final String DISABLED = "disabled";

    private final OidcUserService users = new OidcUserService();
    private final SignInProviders providers;
    private final Members members;
    private final Tenants tenants;
    private final AuditLog audit;

    ProviderUsers(SignInProviders providers, Members members, Tenants tenants, AuditLog audit) {
        this.providers = providers;
        this.members = members;
        this.tenants = tenants;
        this.audit = audit;
    }

    @Override
    public OidcUser loadUser(OidcUserRequest request) {
        OidcUser user = users.loadUser(request);
        SignInProviders.Known known =
                providers.known().get(request.getClientRegistration().getRegistrationId());
        if (known == null) {
            throw refused(NO_ROLE);
        }
        Members.Vouched person =
                known.provider().vouch(user.getClaims(), tenants).orElseThrow(() -> refused(NO_ROLE));
        Member member = members.arrive(person, Actor.SYSTEM).orElseThrow(() -> refused(DISABLED));
        audit.record(
                member.actor(PasswordProvider.origin()),
                "session.begin",
                member.login(),
                Change.made(member.tenant(), Map.of("by", known.provider().name())));
        return new VouchedUser(member, user);
    }

    /** What the sign-in page may say of a failure. */
    static String code(Exception failure) {
        String code = failure instanceof OAuth2AuthenticationException known
                ? known.getError().getErrorCode()
                : "";
        return code.equals(NO_ROLE) || code.equals(DISABLED) ? code : "provider";
    }

    private static OAuth2AuthenticationException refused(String code) {
        return new OAuth2AuthenticationException(new OAuth2Error(code));
    }
}
