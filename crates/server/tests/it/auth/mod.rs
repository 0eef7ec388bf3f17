mod audience_token;
mod cookie;
mod credentials;
mod renewal;
mod return_to;
mod sign_in;
