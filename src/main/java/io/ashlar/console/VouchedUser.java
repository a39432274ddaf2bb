package io.ashlar.console;

import io.ashlar.identity.Member;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.springframework.security.oauth2.core.oidc.user.DefaultOidcUser;
import org.springframework.security.oauth2.core.oidc.user.OidcUser;

/** Somebody who came from a provider, by the name that they have here. */
final class VouchedUser extends DefaultOidcUser {
    private static final long serialVersionUID = 1;

    private final String login;

    VouchedUser(Member member, OidcUser from) {
        super(List.of(PasswordProvider.authority(member)), from.getIdToken(), from.getUserInfo());
        this.login = member.login();
    }

    @Override
    public String getName() {
        return login;
    }

    @Override
    public boolean equals(@Nullable Object other) {
        return other instanceof VouchedUser user && user.login.equals(login) && super.equals(other);
    }

    @Override
    public int hashCode() {
        return 31 * super.hashCode() + login.hashCode();
    }
}
