import awsgi

handler = awsgi.response
