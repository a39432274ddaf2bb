package io.ashlar.api;

import org.jspecify.annotations.Nullable;

/** A request that is refused, as the caller sees it: in the shape of OpenAI's errors. */
public final class ApiException extends RuntimeException {
    private static final long serialVersionUID = 1;

    private final int status;
    private final String type;
    private final @Nullable String code;
    private final @Nullable String param;
    private final int retryAfterSeconds;

    private ApiException(
            int status,
            String type,
            @Nullable String code,
            @Nullable String param,
            String message,
            int retryAfterSeconds) {
        super(message, null, false, false);
        this.status = status;
        this.type = type;
        this.code = code;
        this.param = param;
        this.retryAfterSeconds = retryAfterSeconds;
    }

    /** 400, naming the field. */
    public static ApiException invalid(@Nullable String param, String message) {
        return invalid(param, null, message);
    }

    public static ApiException invalid(@Nullable String param, @Nullable String code, String message) {
        return new ApiException(400, "invalid_request_error", code, param, message, 0);
    }

    /** 400: the field would change the answer, and is not supported. */
    public static ApiException unsupported(String param, String message) {
        return invalid(param, "unsupported_parameter", message);
    }

    public static ApiException unauthorized(String message) {
        return new ApiException(401, "invalid_request_error", "invalid_api_key", null, message, 0);
    }

    public static ApiException forbidden(String code, String message) {
        return new ApiException(403, "permission_error", code, null, message, 0);
    }

    public static ApiException notFound(String message) {
        return new ApiException(404, "invalid_request_error", null, null, message, 0);
    }

    /** 404, naming the field that named it. */
    public static ApiException notFound(String param, String message) {
        return new ApiException(404, "invalid_request_error", "not_found", param, message, 0);
    }

    public static ApiException modelNotFound(String model) {
        return new ApiException(
                404,
                "invalid_request_error",
                "model_not_found",
                "model",
                "The model '" + model + "' does not exist or you do not have access to it.",
                0);
    }

    public static ApiException methodNotAllowed(String message) {
        return new ApiException(405, "invalid_request_error", null, null, message, 0);
    }

    /** 412: the caller changes what is no longer as it was read. */
    public static ApiException changed(String message) {
        return new ApiException(412, "invalid_request_error", "changed", null, message, 0);
    }

    public static ApiException tooLarge(String message) {
        return new ApiException(413, "invalid_request_error", null, null, message, 0);
    }

    public static ApiException unsupportedMediaType(String message) {
        return new ApiException(415, "invalid_request_error", null, null, message, 0);
    }

    public static ApiException tooMany(String code, String message, int retryAfterSeconds) {
        return new ApiException(429, "rate_limit_error", code, null, message, retryAfterSeconds);
    }

    public static ApiException failed(String message) {
        return new ApiException(500, "server_error", null, null, message, 0);
    }

    public static ApiException unavailable(String message, int retryAfterSeconds) {
        return new ApiException(503, "server_error", "unavailable", null, message, retryAfterSeconds);
    }

    /** 503: what was promised to others would be broken. */
    public static ApiException overloaded(String message, int retryAfterSeconds) {
        return new ApiException(503, "server_error", "overloaded", null, message, retryAfterSeconds);
    }

    public int status() {
        return status;
    }

    public String type() {
        return type;
    }

    public @Nullable String code() {
        return code;
    }

    public @Nullable String param() {
        return param;
    }

    /** Seconds after which trying again makes sense; 0 where the error says nothing of it. */
    public int retryAfterSeconds() {
        return retryAfterSeconds;
    }
}
