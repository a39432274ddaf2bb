package io.ashlar.console;

import io.ashlar.identity.Member;
import io.ashlar.identity.PasswordSignIn;
import jakarta.servlet.http.HttpServletRequest;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import org.springframework.security.authentication.AuthenticationProvider;
import org.springframework.security.authentication.BadCredentialsException;
import org.springframework.security.authentication.LockedException;
import org.springframework.security.authentication.UsernamePasswordAuthenticationToken;
import org.springframework.security.core.Authentication;
import org.springframework.security.core.authority.SimpleGrantedAuthority;
import org.springframework.web.context.request.RequestContextHolder;
import org.springframework.web.context.request.ServletRequestAttributes;

/** Signs in those who have a password here. The code comes with the form, as {@code code}. */
final class PasswordProvider implements AuthenticationProvider {
    private final PasswordSignIn signIn;

    PasswordProvider(PasswordSignIn signIn) {
        this.signIn = signIn;
    }

    @Override
    public Authentication authenticate(Authentication asked) {
        HttpServletRequest request = request();
        String code = request == null || request.getParameter("code") == null ? "" : request.getParameter("code");
        try {
            Member member = signIn.signIn(asked.getName(), String.valueOf(asked.getCredentials()), code, origin());
            return UsernamePasswordAuthenticationToken.authenticated(member.login(), null, List.of(authority(member)));
        } catch (PasswordSignIn.Refused e) {
            throw e.reason() == PasswordSignIn.Refused.Reason.WRONG
                    ? new BadCredentialsException(e.reason().name())
                    : new LockedException(e.reason().name());
        }
    }

    private static @Nullable HttpServletRequest request() {
        return RequestContextHolder.getRequestAttributes() instanceof ServletRequestAttributes attributes
                ? attributes.getRequest()
                : null;
    }

    /** The address that the present request comes from. */
    static String origin() {
        HttpServletRequest request = request();
        return request == null ? "" : request.getRemoteAddr();
    }

    static SimpleGrantedAuthority authority(Member member) {
        return new SimpleGrantedAuthority("ROLE_" + member.role().name().toUpperCase(Locale.ROOT));
    }

    @Override
    public boolean supports(Class<?> type) {
        return UsernamePasswordAuthenticationToken.class.isAssignableFrom(type);
    }
}
